"""Documentation pages: each dialect's OpenAPI document, the same as a page to read, and an index.

The pages are made on the server from the OpenAPI document. They have no script and load nothing, so they
work where there is no internet, under the strictest content policy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache, partial
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.openapi import openapi
from trunkline.vendors import dialects

ORIGIN = "https://trunkline.invalid"
"""A placeholder in the cached pages for the server's address in the reader's browser."""

STYLE = """
:root { color-scheme: light dark; --soft: color-mix(in srgb, CanvasText 7%, Canvas) }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 5rem }
h1 { font-size: 1.9rem; margin: .2em 0 }
h2 { font-size: 1.35rem; margin: 2.4em 0 .4em; border-top: 1px solid var(--soft); padding-top: 1.2em }
h3 { font-size: 1.05rem; margin: 1.6em 0 .4em }
p { max-width: 46rem }
pre, code { font: .86rem/1.5 ui-monospace, monospace; background: var(--soft); border-radius: 5px }
code { padding: .1em .3em }
pre { padding: .8rem 1rem; overflow: auto; max-height: 32rem }
pre code { background: none; padding: 0 }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
th, td { text-align: left; vertical-align: top; padding: .4em .8em .4em 0 }
tr { border-bottom: 1px solid var(--soft) }
summary { cursor: pointer; margin: .4em 0 }
"""

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Vary": "Host",
}

_HOST = re.compile(r"[0-9A-Za-z.\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


DOCS_PAGES = ("openapi.json", "docs")
"""The paths under each dialect's prefix besides the vendor's own."""


def docs_routes() -> list[Route]:
    """The routes of the index and of every dialect's page and OpenAPI document."""
    return [
        Route("/", _index),
        *(Route(f"/{name}/docs", partial(_page, name=name)) for name in dialects()),
        *(Route(f"/{name}/openapi.json", partial(_document, name=name)) for name in dialects()),
    ]


async def _index(request: Request) -> Response:
    return _html(request, index_page())


async def _page(request: Request, name: str) -> Response:
    return _html(request, dialect_page(name))


async def _document(_: Request, name: str) -> Response:
    return Response(document_bytes(name), media_type="application/json", headers=HEADERS)


def _html(request: Request, page: str) -> Response:
    host = request.headers.get("host", "")
    origin = f"{request.url.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"
    return Response(page.replace(ORIGIN, origin), media_type="text/html", headers=HEADERS)


@cache
def document_bytes(name: str) -> bytes:
    """A dialect's OpenAPI document as JSON."""
    return msgspec.json.encode(openapi(dialects()[name], server_url=f"/{name}"))


# -- pages ----------------------------------------------------------------


@cache
def index_page() -> str:
    """The page that lists the dialects."""
    return _whole("Trunkline", "".join(_index_body()))


def _index_body() -> Iterator[str]:
    yield "<h1>Trunkline</h1><p>One log of calls, served in the form of each of these APIs. "
    yield f"A key for all of them comes from {_code('trunkline keys create --org NAME')}.</p>"
    for name, dialect in dialects().items():
        about = _about(dialect).partition("\n")[0]
        yield f"<h2>{escape(dialect.title)}</h2><p>{_text(about)}</p>"
        yield _pre(curl(dialect, dialect.operations[0]))
        yield f"<p>{_link(f'/{name}/docs', 'Documentation')} · "
        yield f"{_link(f'/{name}/openapi.json', 'OpenAPI 3.1')}</p>"


def _about(dialect: Dialect) -> str:
    about = dialect.about.strip().removeprefix(f"{dialect.title}: ")
    return about[:1].upper() + about[1:]


@cache
def dialect_page(name: str) -> str:
    """The page that documents one dialect."""
    dialect = dialects()[name]
    return _whole(dialect.title, "".join(_dialect_body(dialect, openapi(dialect, server_url=f"/{name}"))))


def _dialect_body(dialect: Dialect, document: dict[str, Any]) -> Iterator[str]:
    about, *paragraphs = _about(dialect).split("\n\n")
    yield f"<p>{_link('/', 'All dialects')}</p><h1>{escape(dialect.title)}</h1><p>{_text(about)}</p>"
    contents = [_link(f"#{operation.name}", operation.summary) for operation in dialect.operations]
    yield _list([*contents, _link("#schemas", "Schemas")])
    yield "".join(f"<p>{_text(paragraph)}</p>" for paragraph in paragraphs)
    root = " and, with the same paths, at the root of this server" if dialect.at_root else ""
    yield f"<p>The API answers under <code>/{dialect.name}</code>{root}. "
    yield f"Machines read its {_link(f'/{dialect.name}/openapi.json', 'OpenAPI 3.1 document')}.</p>"
    for operation in dialect.operations:
        described = document["paths"][operation.path][operation.method.lower()]
        yield from _operation(dialect, operation, described)
    yield '<h2 id="schemas">Schemas</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="schema-{name}">{name}</h3><p>{_text(schema.get("description", ""))}</p>'
        yield _table(("Field", "Type", ""), _fields(schema))


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, kind in schema["properties"].items():
        yield _code(name), _kind(kind), "" if name in schema["required"] else "may be absent"


def _operation(dialect: Dialect, operation: Operation, described: dict[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{operation.name}">{escape(operation.summary)}</h2>'
    yield f"<p><b>{operation.method}</b> {_code(operation.path)}</p>"
    yield f"<p>{_text(described['description'])}</p>{_pre(curl(dialect, operation))}"
    if described["parameters"]:
        yield "<h3>Parameters</h3>"
        yield _table(("Name", "Type", "Default", ""), map(_parameter, described["parameters"]))
    if "requestBody" in described:
        yield "<h3>Body</h3>"
        for media_type, content in described["requestBody"]["content"].items():
            yield _content(
                media_type, content["schema"], [content["example"]] if "example" in content else []
            )
    answers = [str(status) for status in operation.statuses]
    yield f"<h3>Answer</h3><p><b>{' or '.join(answers)}</b></p>"
    for media_type, content in described["responses"][answers[0]].get("content", {}).items():
        yield _content(media_type, content["schema"], _examples(content))
    yield "<h3>Refusals</h3>"
    for status, response in described["responses"].items():
        if status not in answers:
            ((media_type, content),) = response["content"].items()
            yield f"<details><summary><b>{status}</b> {escape(response['description'])}</summary>"
            yield _content(media_type, content["schema"], [])
            for example in content["examples"].values():
                yield f"<p>{escape(example['summary'])}</p>{_example(example['value'])}"
            yield "</details>"


def _examples(content: dict[str, Any]) -> list[Any]:
    return [content["example"]] if "example" in content else []


def _content(media_type: str, schema: dict[str, Any], examples: list[Any]) -> str:
    return f"<p>{_code(media_type)}: {_kind(schema)}</p>{''.join(map(_example, examples))}"


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    default = msgspec.json.encode(schema["default"]).decode() if "default" in schema else ""
    where = {"path": " in the path", "header": " as a header"}.get(parameter["in"], "")
    return (
        _code(parameter["name"]) + where,
        _kind(schema) + escape(_limits(schema)),
        _code(default) if default else "",
        _text(parameter.get("description", "")),
    )


def curl(dialect: Dialect, operation: Operation) -> str:
    """A command line that requests the vendor's own example, with the key in `$KEY`."""
    path = operation.path.replace("{id}", "$CALL_ID")
    query = f"?{operation.example}" if operation.example else ""
    method = "" if operation.method == "GET" else f"-X {operation.method} "
    lines = [f'curl {method}"{ORIGIN}/{dialect.name}{path}{query}"']
    for name, scheme in dialect.auth.openapi.items():
        value = f"${name.upper()}"
        header = (
            f"{scheme['name']}: {value}" if scheme["type"] == "apiKey" else f"Authorization: Bearer {value}"
        )
        lines.append(f'-H "{header}"')
    if operation.body is not None:
        lines += ['-H "Content-Type: application/json"', f"--data '{operation.body.example.decode()}'"]
    return " \\\n  ".join(lines)


# -- pieces ---------------------------------------------------------------


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(text: str) -> str:
    """Plain text with code between backticks, as HTML."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def _pre(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _link(href: str, text: str) -> str:
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _example(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
    return _pre(text)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _link(f"#schema-{name}", name)
    if "anyOf" in schema:
        return " or ".join(_kind(arm) for arm in schema["anyOf"])
    if "enum" in schema:
        return ", ".join("null" if word is None else _code(word) for word in schema["enum"])
    types = schema.get("type", "anything")
    if types == "array":
        return f"list of {_kind(schema['items'])}"
    text = " or ".join(types) if isinstance(types, list) else types
    return escape(f"{text} ({schema['format']})" if "format" in schema else text)


def _limits(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else ""
