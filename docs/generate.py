"""The reference pages, written from the dialects and doors themselves.

Run `python docs/generate.py` after a dialect or a door has changed. A test compares the pages with what this
writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from trunkline.kit.auth import NewKey
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.door import Door
from trunkline.kit.list_api import ListApi
from trunkline.kit.losses import loss_table
from trunkline.kit.openapi import openapi
from trunkline.vendors import dialects, doors

REFERENCE = Path(__file__).parent / "reference"

NOTICE = "<!-- Written by docs/generate.py; edit the dialect or the door instead. -->"

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
"""A range of time, to see how a request for one looks."""

DIALECTS = """# Dialects

Every API that Trunkline speaks. Each answers under its own prefix, at the host names given to it by
`TRUNKLINE_HOSTS`, and, where noted, at the root. A running server shows the same with examples of every
answer at `/<dialect>/docs`, and as OpenAPI 3.1 at `/<dialect>/openapi.json`.

[What each of them cannot express](losses.md) is on a page of its own.
"""

LOSSES = """# Losses

A call that came from one vendor can be requested in the form of another, which may not have a field for
everything. The table shows one call in which every field is filled: it was written in each dialect's form
and read back. **✓** came back unchanged; **–** did not come back, or came back as something else, or could
only be guessed from the rest. Nothing is lost in the log itself, and a call in the form of its own vendor
has what that vendor stated.

Below the table, for each dialect, are the words of ours that it merges into others, and those for which it
has no word at all.
"""


DOORS = """# Doors

Every vendor whose calls arrive by webhook or can be pulled. A delivery is accepted if it proves knowledge of
the secret; where the address is the secret, keep the address secret. Deliveries may arrive late, twice and in
any order. An undocumented word or field never costs a call: it is stored, and counted.
"""


def pages() -> dict[Path, str]:
    """Every reference page with its text."""
    return {
        REFERENCE / "dialects.md": "\n".join(_dialects()),
        REFERENCE / "doors.md": "\n".join(_doors()),
        REFERENCE / "losses.md": f"{NOTICE}\n\n{LOSSES}\n{loss_table(dialects().values())}",
    }


def _dialects() -> Iterator[str]:
    yield f"{NOTICE}\n\n{DIALECTS}"
    for dialect in dialects().values():
        yield from _dialect(dialect)


def _dialect(dialect: Dialect) -> Iterator[str]:
    root = " and at the root" if dialect.at_root else ""
    new_key = NewKey(body="0" * 60, secret="0" * 48)
    headers = [f"{name}: {value}" for name, value in dialect.auth.headers_for(new_key).items()]
    about = dialect.about.strip().removeprefix(f"{dialect.title}: ")
    yield f"## {dialect.title}\n\n{about[0].upper()}{about[1:]}\n"
    yield f"It answers under `/{dialect.name}`{root}. A new key is sent as:\n"
    yield "\n".join(["```", *(re.sub("[0-9a-f]{48,}", "…", header) for header in headers), "```\n"])
    if dialect.unsupported:
        paths = ", ".join(f"`{method} {path}`" for method, path in dialect.unsupported)
        yield f"Trunkline records calls and does not place or steer them. The answer to {paths} is 501.\n"
    document = openapi(dialect)
    for operation in dialect.operations:
        described = document["paths"][operation.path][operation.method.lower()]
        yield from _operation(dialect, operation, described)


def _doors() -> Iterator[str]:
    yield f"{NOTICE}\n\n{DOORS}"
    yield _row(("vendor", "the secret is", "can be pulled", "API served too"))
    yield _row(["---"] * 4)
    for door in doors().values():
        secret = door.signature.secret_is or "the address"
        pulled = "no" if door.list_api is None else "yes"
        served = "yes" if door.name in dialects() else "no"
        yield _row((f"[{door.title}](#{_anchor(door.title)})", secret, pulled, served))
    yield ""
    for door in doors().values():
        yield from _door(door)


def _door(door: Door) -> Iterator[str]:
    about = door.about.strip().removeprefix(f"{door.title}: ")
    yield f"## {door.title}\n\n{about[0].upper()}{about[1:]}\n"
    if door.list_api is not None:
        yield from _list_api(door.list_api)


def _list_api(api: ListApi) -> Iterator[str]:
    plain, ranged = api.first(None, None), api.first(BEGIN, END)
    names = [name for name, _ in plain.query]
    span = [f"`{name}`" for name, _ in ranged.query if name not in names]
    by_time = plain != ranged
    yield _row(("pulling its calls", ""))
    yield _row(["---"] * 2)
    yield _row(("address", f"`{api.base_url}`, unless another is given"))
    yield _row(("list", f"`{plain.method} {plain.path}`"))
    yield _row(("credential", ", ".join(f"`{name}`" for name in api.credential)))
    yield _row(
        ("a range of time", _range(span) if by_time else "cannot be requested; a pull skips calls outside it")
    )
    yield _row(("order", "newest first" if api.newest_first else "not guaranteed; a pull reads every page"))
    yield _row(
        ("each call", "is complete in the list" if api.one is None else "is requested by itself as well")
    )
    yield _row(("at most", f"{api.requests_per_minute} requests a minute"))
    yield ""


def _range(names: list[str]) -> str:
    return f"by {' and '.join(names)}" if names else "is part of the request"


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _operation(dialect: Dialect, operation: Operation, described: dict[str, Any]) -> Iterator[str]:
    yield f"### {dialect.title}: {operation.summary}\n\n`{operation.method} {operation.path}`\n"
    if operation.body is not None:
        yield f"It takes a body, such as:\n\n```json\n{operation.body.example.decode()}\n```\n"
    yield f"It answers {' or '.join(map(str, operation.statuses))}, or refuses as below.\n"
    queried = [parameter for parameter in described["parameters"] if parameter["in"] == "query"]
    if queried:
        yield _row(("parameter", "values", "default", "meaning"))
        yield _row(["---"] * 4)
        yield from (_parameter(parameter) for parameter in queried)
        yield f"\n{described['description']}\n"
    yield _row(("status", "when", "body"))
    yield _row(["---"] * 3)
    for status, response in described["responses"].items():
        if int(status) not in operation.statuses:
            ((_, content),) = response["content"].items()
            for example in content["examples"].values():
                yield _row(
                    (status, example["summary"], f"`{msgspec.json.encode(example['value']).decode()}`")
                )
    yield ""


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    default = msgspec.json.encode(schema["default"]).decode().strip('"') if "default" in schema else ""
    return _row(
        (
            f"`{parameter['name']}`",
            _values(schema),
            f"`{default}`" if default else "",
            parameter.get("description", ""),
        )
    )


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        return f"{schema['type']}, " + (f"at least {low}" if high is None else f"{low} to {high}")
    if "examples" in schema:
        return f"{schema['type']}, such as `{schema['examples'][0]}`"
    return str(schema.get("format", schema["type"]))


def _row(cells: Any) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
