"""OpenAPI 3.1: a dialect's document, made of the same records that answer its requests.

Response schemas are made here rather than by msgspec: they describe what is printed, not what could be
read. An instant has its format, a decimal is a number, and every field that is always printed is required.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from http import HTTPStatus
from itertools import chain
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec import inspect as kinds

from trunkline import __version__
from trunkline.kit.call_ids import MAX_LENGTH
from trunkline.kit.dialect import Body, Dialect, Operation
from trunkline.kit.events import MEDIA_TYPE as EVENTS
from trunkline.kit.events import text_of
from trunkline.kit.examples import example_answer, in_words, usual_refusal
from trunkline.kit.export import FORMATS, Format
from trunkline.kit.export.shape import Shape
from trunkline.kit.losses import full_call
from trunkline.kit.query import SCHEMAS, Parameter, parameters
from trunkline.kit.request_body import JSON_LINES
from trunkline.kit.toon import MEDIA_TYPE as TOON
from trunkline.kit.toon import toon
from trunkline.model.changes import Change, ChangeBatch
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.faults import Fault

OF_AUTH = (
    Fault.NO_CREDENTIAL,
    Fault.MALFORMED_CREDENTIAL,
    Fault.UNKNOWN_CREDENTIAL,
    Fault.EXPIRED_CREDENTIAL,
    Fault.REVOKED_CREDENTIAL,
    Fault.ADDRESS_NOT_ALLOWED,
    Fault.SCOPE_MISSING,
)
"""The faults that a credential can have, in every operation."""

OF_EVERY_REQUEST = (
    Fault.METHOD_NOT_ALLOWED,
    Fault.ADDRESS_TOO_LONG,
    Fault.HEADERS_TOO_LARGE,
    Fault.INTERNAL,
    Fault.UNAVAILABLE,
)
"""The faults that every operation can have."""

OF_BODIES = (Fault.BAD_REQUEST, Fault.TOO_LARGE, Fault.TOO_SLOW, Fault.UNSUPPORTED_BODY)
"""The faults that a body can have."""

OF_IDEMPOTENCY = (Fault.BAD_REQUEST, Fault.CONFLICT, Fault.UNPROCESSABLE)
"""The faults that a request with an idempotency key can have."""

IGNORED_HEADER = "Trunkline-Ignored"

_JSON = "application/json"
_MIDDLE_OF_A_CALL = re.compile(r"\{(\w+)\}")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def openapi(dialect: Dialect, *, server_url: str = "/") -> dict[str, Any]:
    """Describe a dialect as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in dialect.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(dialect, operation)
    answers, bodies = [dialect.errors.shape], list[Any]()
    for operation in dialect.operations:
        answers += _each(operation.answer)
        bodies += _each(operation.body.shape) if operation.body is not None else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": dialect.title,
            "summary": dialect.about.strip().partition("\n")[0],
            "description": described(dialect),
            "version": __version__,
        },
        "servers": [{"url": server_url}],
        "security": [{name: [] for name in dialect.auth.openapi}],
        "paths": paths,
        "components": {
            "schemas": _components(answers) | _components(bodies, is_input=True),
            "securitySchemes": dialect.auth.openapi,
        },
    }


def described(dialect: Dialect) -> str:
    """A dialect's own description, and which of its vendor's paths are not served."""
    about = dialect.about.strip()
    if not dialect.unsupported:
        return about
    paths = ", ".join(f"`{method} {path}`" for method, path in dialect.unsupported)
    return (
        f"{about}\n\nTrunkline records calls and does not place or steer them. The answer to {paths} is 501."
    )


def faults_of(dialect: Dialect, operation: Operation) -> dict[int, list[Fault]]:
    """The refusals that an operation can answer with, by HTTP status."""
    by_status: dict[int, list[Fault]] = {}
    of_body = OF_BODIES if operation.parse_body is not None else ()
    of_repeats = OF_IDEMPOTENCY if operation.idempotent else ()
    for fault in dict.fromkeys((*operation.faults, *of_body, *of_repeats, *OF_AUTH, *OF_EVERY_REQUEST)):
        by_status.setdefault(dialect.errors.status(fault), []).append(fault)
    return dict(sorted(by_status.items()))


# -- operations -----------------------------------------------------------


def _operation(dialect: Dialect, operation: Operation) -> dict[str, Any]:
    unknown = (
        "A query parameter that is not listed is refused."
        if dialect.refuse_unknown
        else f"A query parameter that is not listed is ignored, and named in the header `{IGNORED_HEADER}`."
    )
    responses = {str(status): _answer(dialect, operation) for status in operation.statuses}
    for status, faults in faults_of(dialect, operation).items():
        responses[str(status)] = _refusal(dialect, operation, status, faults)
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": unknown,
        "parameters": [
            *(_path_parameter(dialect, name) for name in _MIDDLE_OF_A_CALL.findall(operation.path)),
            *(query_parameter(parameter) for parameter in parameters(operation.query).values()),
            *([_LAST_EVENT_ID] if EVENTS in operation.media_types else []),
            *([IDEMPOTENCY_KEY] if operation.idempotent else []),
        ],
        **({} if operation.body is None else {"requestBody": _request_body(operation.body)}),
        "responses": responses,
    }


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text. Within a day the same request with the same key gets the same answer again, "
    "with the header `Idempotent-Replayed: true`; another request with it is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _request_body(body: Body) -> dict[str, Any]:
    content: dict[str, Any] = {
        _JSON: {"schema": _any_of(body.shape, is_input=True), "example": msgspec.json.decode(body.example)}
    }
    if body.may_be_lines:
        content[JSON_LINES[0]] = {"schema": {"type": "string"}}
    return {"required": True, "content": content}


def _path_parameter(dialect: Dialect, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "The id of a call, as this API prints it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        "example": dialect.ids.printed(full_call()),
    }


_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that arrived; the stream continues after it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}


def query_parameter(parameter: Parameter) -> dict[str, Any]:
    """Describe one query parameter as an OpenAPI parameter object."""
    described: dict[str, Any] = {"name": parameter.name, "in": "query"}
    meta = parameter.meta or Meta()
    schema = _parameter_schema(parameter.kind, meta) | (meta.extra_json_schema or {})
    clamp = (meta.extra or {}).get("clamp")
    texts = [
        schema.pop("description", None),
        meta.description,
        None if clamp is None else f"A number above {clamp} counts as {clamp}",
    ]
    sentences = [f"{text[0].upper()}{text[1:].rstrip('.')}." for text in texts if text]
    if sentences:
        described["description"] = " ".join(sentences)
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {**described, "schema": schema}


def _parameter_schema(kind: Any, meta: Meta) -> dict[str, Any]:
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer"} | _given_limits(minimum=meta.ge, maximum=meta.le)
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if kind is str:
        return {"type": "string"} | _given_limits(minLength=meta.min_length or 1, maxLength=meta.max_length)
    return dict(SCHEMAS[kind])


def _given_limits(**limits: Any) -> dict[str, Any]:
    return {name: value for name, value in limits.items() if value is not None}


# -- responses ------------------------------------------------------------


def _answer(dialect: Dialect, operation: Operation) -> dict[str, Any]:
    if EVENTS in operation.media_types:
        return _stream(operation)
    if operation.answer is None:
        return {"description": operation.summary}
    if operation.media_types:
        return _file(operation)
    printed = example_answer(dialect, operation)
    json: dict[str, Any] = {"schema": _any_of(operation.answer)}
    content: dict[str, Any] = {_JSON: json}
    if operation.offers_toon:
        content[TOON] = {"schema": {"type": "string"}}
    if printed is not None:
        json["example"] = msgspec.json.decode(_encode(printed))
        if operation.offers_toon:
            content[TOON]["example"] = toon(printed)
    headers = {
        IGNORED_HEADER: {
            "description": "The query parameters that were ignored, if there were any.",
            "schema": {"type": "string"},
        }
    }
    return {
        "description": operation.summary,
        **({} if dialect.refuse_unknown else {"headers": headers}),
        "content": content,
    }


def _file(operation: Operation) -> dict[str, Any]:
    disposition = {"description": "The name of the file.", "schema": {"type": "string"}}
    content: dict[str, Any] = {name: {"schema": {"type": "string"}} for name in operation.media_types}
    for form in FORMATS.values():
        if form.media_type in content:
            content[form.media_type]["example"] = _example_file(form)
    return {
        "description": f"{operation.summary}, as a file. If it is interrupted, it has no last chunk.",
        "headers": {"Content-Disposition": disposition},
        "content": content,
    }


def _stream(operation: Operation) -> dict[str, Any]:
    call = full_call()
    batch = ChangeBatch([Change(41, call.id, call), Change(42, call.id, None)], 42, has_more=False)
    example = text_of(batch, lambda call: {"id": call.id, "…": "…"}).decode()
    return {
        "description": f"{operation.summary}, as server-sent events without an end.",
        "content": {EVENTS: {"schema": {"type": "string"}, "example": example}},
    }


def _example_file(form: Format) -> str:
    writer = form.writer(Shape())
    return (writer.begin() + writer.rows([EncodedCall.of(full_call())]) + writer.end()).decode()


def _refusal(dialect: Dialect, operation: Operation, status: int, faults: list[Fault]) -> dict[str, Any]:
    bodies: dict[str, dict[str, Any]] = {}
    for fault in faults:
        _, body = dialect.errors.answer(usual_refusal(dialect, operation, fault))
        value = msgspec.json.decode(_encode(body))
        # One example for each body: faults that a vendor words alike share one.
        same = next((name for name, example in bodies.items() if example["value"] == value), None)
        if same is None:
            bodies[fault.name.lower()] = {"summary": in_words(fault), "value": value}
        else:
            bodies[same]["summary"] += f"; {in_words(fault)}"
    content = {"schema": _schema(kinds.type_info(dialect.errors.shape)), "examples": bodies}
    return {"description": HTTPStatus(status).phrase, "content": {dialect.errors.media_type: content}}


# -- schemas --------------------------------------------------------------


def _components(types: Iterable[Any], *, is_input: bool = False) -> dict[str, Any]:
    """The records among some types; one that is an input requires fewer fields than one that is printed."""
    found = chain.from_iterable(_records(kind) for kind in kinds.multi_type_info(types))
    by_name: dict[str, kinds.StructType] = {}
    for record in found:
        if by_name.setdefault(record.cls.__name__, record).cls is not record.cls:
            raise TypeError(f"two records of this dialect are called {record.cls.__name__}; rename one")
    return {
        name + _INPUT * is_input: _record_schema(record, is_input=is_input)
        for name, record in by_name.items()
    }


def _records(kind: kinds.Type) -> Iterator[kinds.StructType]:
    match kind:
        case kinds.StructType():
            yield kind
            for field in kind.fields:
                yield from _records(field.type)
        case kinds.Metadata():
            yield from _records(kind.type)
        case kinds.CollectionType():
            yield from _records(kind.item_type)
        case kinds.DictType():
            yield from _records(kind.value_type)
        case kinds.UnionType():
            for arm in kind.types:
                yield from _records(arm)


_INPUT = "Input"
"""The suffix of a record's name where it is sent to us rather than printed."""


def _record_schema(record: kinds.StructType, *, is_input: bool) -> dict[str, Any]:
    tag = {} if record.tag_field is None else {record.tag_field: {"const": record.tag}}
    may_lack_defaults = record.cls.__struct_config__.omit_defaults
    may_lack_defaults |= is_input
    always = [f for f in record.fields if f.required or (_has_default(f) and not may_lack_defaults)]
    return {
        "type": "object",
        **_given_limits(description=record.cls.__doc__),
        "properties": tag
        | {field.encode_name: _schema(field.type, is_input=is_input) for field in record.fields},
        "required": [*tag, *(field.encode_name for field in always)],
    }


def _has_default(field: kinds.Field) -> bool:
    # A field whose default is `UNSET` is described as neither required nor having a default.
    return field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT


def _each(shape: Any) -> list[Any]:
    if shape is None:
        return []
    return list(shape) if isinstance(shape, tuple) else [shape]


def _any_of(shape: Any, *, is_input: bool = False) -> dict[str, Any]:
    schemas = [_schema(kinds.type_info(one), is_input=is_input) for one in _each(shape)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _schema(kind: kinds.Type, *, is_input: bool = False) -> dict[str, Any]:
    match kind:
        case kinds.AnyType() | kinds.RawType():
            return {}
        case kinds.Metadata():
            return _schema(kind.type, is_input=is_input) | (kind.extra_json_schema or {})
        case kinds.StructType():
            return {"$ref": f"#/components/schemas/{kind.cls.__name__}{_INPUT * is_input}"}
        case kinds.EnumType():
            return {"type": "string", "enum": [word.value for word in kind.cls]}
        case kinds.LiteralType():
            return {"type": "string", "enum": list(kind.values)}
        case kinds.CollectionType():
            return {"type": "array", "items": _schema(kind.item_type, is_input=is_input)}
        case kinds.DictType():
            return {"type": "object", "additionalProperties": _schema(kind.value_type, is_input=is_input)}
        case kinds.UnionType():
            return reduce(_either, [_schema(arm, is_input=is_input) for arm in kind.types])
    return dict(_PLAIN[type(kind)])


_PLAIN: dict[type[kinds.Type], dict[str, Any]] = {
    kinds.NoneType: {"type": "null"},
    kinds.BoolType: {"type": "boolean"},
    kinds.IntType: {"type": "integer"},
    kinds.FloatType: {"type": "number"},
    kinds.DecimalType: {"type": "number"},
    kinds.StrType: {"type": "string"},
    kinds.DateTimeType: {"type": "string", "format": "date-time"},
    kinds.UUIDType: {"type": "string", "format": "uuid"},
}


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    pair = [one, other]
    if {"type": "integer"} in pair and {"type": "number"} in pair:
        return {"type": "number"}
    if other == {"type": "null"} and isinstance(one.get("type"), str):
        words = {"enum": [*one["enum"], None]} if "enum" in one else {}
        return {**one, "type": [one["type"], "null"], **words}
    return {"anyOf": [*one.get("anyOf", [one]), other]}
