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
from msgspec import UNSET, Meta
from msgspec import inspect as kinds

from trunkline import __version__
from trunkline.kit.call_ids import LONGEST
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.export import FORMATS, Format
from trunkline.kit.export.shape import Shape
from trunkline.kit.losses import full_call
from trunkline.kit.query import SCHEMAS, Parameter, parameters, read_query
from trunkline.kit.toon import MEDIA_TYPE as TOON
from trunkline.kit.toon import toon
from trunkline.model.call import HEAVY_FIELDS
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, GetCall, ListCalls, OneCall, ReadLedger
from trunkline.model.ledger import example_ledger
from trunkline.model.pieces import Pieces

OF_AUTH = (
    Fault.NO_CREDENTIAL,
    Fault.MALFORMED_CREDENTIAL,
    Fault.UNKNOWN_CREDENTIAL,
    Fault.EXPIRED_CREDENTIAL,
    Fault.REVOKED_CREDENTIAL,
    Fault.ADDRESS_NOT_ALLOWED,
    Fault.SCOPE_MISSING,
)
"""The faults that a credential can have, whatever is asked for."""

OF_EVERY_REQUEST = (Fault.METHOD_NOT_ALLOWED, Fault.ADDRESS_TOO_LONG, Fault.INTERNAL, Fault.UNAVAILABLE)
"""The faults that no operation is safe from."""

IGNORED_HEADER = "Trunkline-Ignored"

_JSON = "application/json"
_MIDDLE_OF_A_CALL = re.compile(r"\{(\w+)\}")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def openapi(dialect: Dialect, *, server_url: str = "/") -> dict[str, Any]:
    """Describe a dialect as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in dialect.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(dialect, operation)
    answers = [operation.answer for operation in dialect.operations]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": dialect.title,
            "summary": dialect.about.strip().partition("\n")[0],
            "description": dialect.about.strip(),
            "version": __version__,
        },
        "servers": [{"url": server_url}],
        "security": [{name: [] for name in dialect.auth.openapi}],
        "paths": paths,
        "components": {
            "schemas": _components([*answers, dialect.errors.shape]),
            "securitySchemes": dialect.auth.openapi,
        },
    }


def faults_of(dialect: Dialect, operation: Operation) -> dict[int, list[Fault]]:
    """The refusals that an operation can answer with, by HTTP status."""
    by_status: dict[int, list[Fault]] = {}
    for fault in dict.fromkeys((*operation.faults, *OF_AUTH, *OF_EVERY_REQUEST)):
        by_status.setdefault(dialect.errors.status(fault), []).append(fault)
    return dict(sorted(by_status.items()))


# -- operations -----------------------------------------------------------


def _operation(dialect: Dialect, operation: Operation) -> dict[str, Any]:
    unknown = (
        "A query parameter that is not listed is refused."
        if dialect.refuse_unknown
        else f"A query parameter that is not listed is ignored, and named in the header `{IGNORED_HEADER}`."
    )
    responses = {"200": _answer(dialect, operation)}
    for status, faults in faults_of(dialect, operation).items():
        responses[str(status)] = _refusal(dialect, operation, status, faults)
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": unknown,
        "parameters": [
            *(_path_parameter(dialect, name) for name in _MIDDLE_OF_A_CALL.findall(operation.path)),
            *(query_parameter(parameter) for parameter in parameters(operation.query).values()),
        ],
        "responses": responses,
    }


def _path_parameter(dialect: Dialect, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "The id of a call, as this API prints it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        "example": dialect.ids.printed(full_call()),
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
        return {"type": "integer"} | _said(minimum=meta.ge, maximum=meta.le)
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if kind is str:
        return {"type": "string"} | _said(minLength=meta.min_length or 1, maxLength=meta.max_length)
    return dict(SCHEMAS[kind])


def _said(**limits: Any) -> dict[str, Any]:
    return {name: value for name, value in limits.items() if value is not None}


# -- responses ------------------------------------------------------------


def _answer(dialect: Dialect, operation: Operation) -> dict[str, Any]:
    if operation.media_types:
        return _file(operation)
    printed = example_answer(dialect, operation)
    json: dict[str, Any] = {"schema": _schema(kinds.type_info(operation.answer))}
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
        "description": f"{operation.summary}, as a file. If it breaks off, the connection is cut.",
        "headers": {"Content-Disposition": disposition},
        "content": content,
    }


def _example_file(form: Format) -> str:
    writer = form.writer(Shape())
    return (writer.begin() + writer.rows([Pieces.of(full_call())]) + writer.end()).decode()


def _refusal(dialect: Dialect, operation: Operation, status: int, faults: list[Fault]) -> dict[str, Any]:
    bodies: dict[str, dict[str, Any]] = {}
    for fault in faults:
        _, body = dialect.errors.answer(_refused(dialect, operation, fault))
        value = msgspec.json.decode(_encode(body))
        # One example a body: a vendor that words several faults alike gets one example for all of them.
        same = next((name for name, example in bodies.items() if example["value"] == value), None)
        if same is None:
            bodies[fault.name.lower()] = {"summary": _in_words(fault), "value": value}
        else:
            bodies[same]["summary"] += f"; {_in_words(fault)}"
    content = {"schema": _schema(kinds.type_info(dialect.errors.shape)), "examples": bodies}
    return {"description": HTTPStatus(status).phrase, "content": {dialect.errors.media_type: content}}


def _refused(dialect: Dialect, operation: Operation, fault: Fault) -> Refused:
    """A fault with the detail that it usually has."""
    if fault is Fault.BAD_REQUEST:
        for parameter in parameters(operation.query).values():
            try:
                parameter.read("?")
            except ValueError as error:
                return Refused(fault, f"{parameter.name} {error}", parameter.name)
    if fault in (Fault.CALL_NOT_FOUND, Fault.FOREIGN_CALL):
        return Refused(fault, dialect.ids.printed(full_call()))
    return Refused(fault, _DETAILS.get(fault, ""))


_DETAILS = {
    Fault.BAD_CURSOR: "the cursor names no call",
    Fault.SCOPE_MISSING: "read",
    Fault.METHOD_NOT_ALLOWED: "GET",
}


def _in_words(fault: Fault) -> str:
    return fault.name.lower().replace("_", " ")


def example_answer(dialect: Dialect, operation: Operation) -> Any:
    """What an operation answers to the vendor's own example query when there is nothing but one full call.

    `None` for an operation that does not ask for calls.
    """
    call = full_call()
    query, _ = read_query(operation.example.encode(), operation.query)
    intent = operation.read(query, dialect.ids.printed(call))
    if isinstance(intent, ReadLedger):
        return operation.write(example_ledger(), query)
    if not isinstance(intent, ListCalls | GetCall):
        return None
    if not intent.with_transcript:
        for name in HEAVY_FIELDS:
            setattr(call, name, UNSET)
    if isinstance(intent, GetCall):
        return operation.write(OneCall("acme", call), query)
    return operation.write(CallPage(org="acme", calls=[call], total=1), query)


# -- schemas --------------------------------------------------------------


def _components(types: Iterable[Any]) -> dict[str, Any]:
    found = chain.from_iterable(_records(kind) for kind in kinds.multi_type_info(types))
    by_name: dict[str, kinds.StructType] = {}
    for record in found:
        if by_name.setdefault(record.cls.__name__, record).cls is not record.cls:
            raise TypeError(f"two records of this dialect are called {record.cls.__name__}; rename one")
    return {name: _record_schema(record) for name, record in by_name.items()}


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


def _record_schema(record: kinds.StructType) -> dict[str, Any]:
    may_lack_defaults = record.cls.__struct_config__.omit_defaults
    always = [f for f in record.fields if f.required or (_has_default(f) and not may_lack_defaults)]
    return {
        "type": "object",
        **_said(description=record.cls.__doc__),
        "properties": {field.encode_name: _schema(field.type) for field in record.fields},
        "required": [field.encode_name for field in always],
    }


def _has_default(field: kinds.Field) -> bool:
    # A field whose default is `UNSET` is described as neither required nor having a default.
    return field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT


def _schema(kind: kinds.Type) -> dict[str, Any]:
    match kind:
        case kinds.AnyType() | kinds.RawType():
            return {}
        case kinds.Metadata():
            return _schema(kind.type) | (kind.extra_json_schema or {})
        case kinds.StructType():
            return {"$ref": f"#/components/schemas/{kind.cls.__name__}"}
        case kinds.EnumType():
            return {"type": "string", "enum": [word.value for word in kind.cls]}
        case kinds.LiteralType():
            return {"type": "string", "enum": list(kind.values)}
        case kinds.CollectionType():
            return {"type": "array", "items": _schema(kind.item_type)}
        case kinds.DictType():
            return {"type": "object", "additionalProperties": _schema(kind.value_type)}
        case kinds.UnionType():
            return reduce(_either, [_schema(arm) for arm in kind.types])
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
