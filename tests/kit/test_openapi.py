from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.events import MEDIA_TYPE as EVENTS
from trunkline.kit.examples import example_answer
from trunkline.kit.export import FORMATS
from trunkline.kit.losses import full_call
from trunkline.kit.openapi import OF_AUTH, faults_of, openapi, query_parameter
from trunkline.kit.query import DayOrInstant, Phone, Uuid, Words, parameters
from trunkline.kit.request_body import RequestBody
from trunkline.model.call import Call
from trunkline.model.changes import Change, ChangeBatch
from trunkline.model.faults import Fault
from trunkline.model.inbox import (
    GetInboxPayload,
    InboxContent,
    ListInbox,
    example_entry,
    example_inbox,
)
from trunkline.model.intents import CallPage, GetCall, ListChanges, OneCall, Outcome, ReadLedger
from trunkline.model.ledger import example_ledger
from trunkline.model.words import Status
from trunkline.vendors import dialects

ENCODER = msgspec.json.Encoder(decimal_format="number")
ALL = [pytest.param(dialect, id=name) for name, dialect in dialects().items()]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that knows the document's components, and knows no property that they do not name."""
    closed = {
        name: {**component, "additionalProperties": False}
        for name, component in document["components"]["schemas"].items()
    }
    whole = DRAFT202012.create_resource({"components": {"schemas": closed}})
    here = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
    return Draft202012Validator(here, registry=Registry().with_resource("urn:document", whole))


def with_json_answers(dialect: Dialect) -> list[Operation]:
    return [
        operation
        for operation in dialect.operations
        if not operation.media_types and operation.scope == "read" and operation.parse_body is None
    ]


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


@pytest.mark.parametrize("dialect", ALL)
def test_the_document_is_valid_openapi(dialect: Dialect) -> None:
    OpenAPIV31SpecValidator(openapi(dialect)).validate()


@pytest.mark.parametrize("dialect", ALL)
def test_every_example_answer_fits_its_schema_and_has_no_property_beside_it(dialect: Dialect) -> None:
    document = openapi(dialect)
    for operation in operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content is not None and status < "300":
                validator(document, content["schema"]).validate(content["example"])


@pytest.mark.parametrize("dialect", ALL)
def test_every_example_refusal_fits_the_error_shape(dialect: Dialect) -> None:
    document = openapi(dialect)
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "300":
                content = response["content"][dialect.errors.media_type]
                for example in content["examples"].values():
                    validator(document, content["schema"]).validate(example["value"])


@pytest.mark.parametrize("dialect", ALL)
def test_a_call_with_nothing_but_what_it_must_have_fits_the_schema_too(dialect: Dialect) -> None:
    bare = Call(
        id="5f0c9c5e-2f5e-4a52-9d4b-111111111111",
        vendor="elsewhere",
        vendor_call_id="1",
        status=Status.QUEUED,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for operation in with_json_answers(dialect):
        assert_fits(dialect, operation, bare, operation.query())


@pytest.mark.parametrize("dialect", ALL)
def test_an_answer_with_every_switch_turned_on_fits_the_schema_too(dialect: Dialect) -> None:
    for operation in with_json_answers(dialect):
        switches = {p.field: True for p in parameters(operation.query).values() if p.kind is bool}
        query = structs.replace(operation.query(), **switches)
        assert_fits(dialect, operation, full_call(), query)


def assert_fits(dialect: Dialect, operation: Operation, call: Call, query: Any) -> None:
    found: Outcome = CallPage.of("acme", [call], total=1)
    intent = operation.to_intent(query, dialect.ids.printed(call))
    if isinstance(intent, GetCall):
        found = OneCall("acme", call)
    elif isinstance(operation.to_intent(query, ""), ReadLedger):
        found = example_ledger()
    elif isinstance(intent, ListInbox):
        found = example_inbox()
    elif isinstance(intent, GetInboxPayload):
        found = InboxContent(example_entry(), b"\xff")
    elif isinstance(operation.to_intent(query, ""), ListChanges):
        found = ChangeBatch([Change(2, call.id, call), Change(3, call.id, None)], 3, has_more=False)
    answer = ENCODER.encode(operation.answer_of(found, query))
    document = openapi(dialect)
    described = document["paths"][operation.path][operation.method.lower()]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    validator(document, schema).validate(msgspec.json.decode(answer))


@pytest.mark.parametrize("dialect", ALL)
def test_every_refusal_of_auth_and_of_the_operation_is_described(dialect: Dialect) -> None:
    for operation in dialect.operations:
        described = openapi(dialect)["paths"][operation.path][operation.method.lower()]["responses"]
        for fault in (
            *OF_AUTH,
            *operation.faults,
            Fault.METHOD_NOT_ALLOWED,
            Fault.INTERNAL,
            Fault.UNAVAILABLE,
        ):
            assert str(dialect.errors.status(fault)) in described, fault


@pytest.mark.parametrize("dialect", ALL)
def test_a_request_needs_everything_that_the_auth_scheme_requires(dialect: Dialect) -> None:
    document = openapi(dialect)
    (needed,) = document["security"]
    assert set(needed) == set(dialect.auth.openapi) == set(document["components"]["securitySchemes"])


@pytest.mark.parametrize("dialect", ALL)
def test_the_document_is_the_same_every_time(dialect: Dialect) -> None:
    assert msgspec.json.encode(openapi(dialect)) == msgspec.json.encode(openapi(dialect))


@pytest.mark.parametrize("dialect", ALL)
def test_paths_and_parameters_are_those_of_the_operations(dialect: Dialect) -> None:
    document = openapi(dialect, server_url=f"/{dialect.name}")
    assert document["servers"] == [{"url": f"/{dialect.name}"}]
    for operation in dialect.operations:
        described = document["paths"][operation.path][operation.method.lower()]
        asked = [item["name"] for item in described["parameters"] if item["in"] == "query"]
        assert described["operationId"] == operation.name
        assert asked == list(parameters(operation.query))


class Query(Struct, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="how many")] = 20
    most: Annotated[int, Meta(ge=1, extra={"clamp": 50})] = 10
    flag: bool = False
    order: Literal["asc", "desc"] = "desc"
    text: str | None = None
    since: DayOrInstant | None = None
    phone: Phone | None = None
    uuid: Uuid | None = None
    words: Words | None = None
    some: Annotated[Words, Meta(extra_json_schema={"pattern": "^[ab]$"})] | None = None


@pytest.mark.parametrize(
    ("name", "schema", "description"),
    [
        ("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "How many."),
        ("most", {"type": "integer", "minimum": 1, "default": 10}, "A number above 50 counts as 50."),
        ("flag", {"type": "boolean", "default": False}, None),
        ("order", {"type": "string", "enum": ["asc", "desc"], "default": "desc"}, None),
        ("text", {"type": "string", "minLength": 1}, None),
        ("since", {"type": "string", "examples": ["2026-01-01"]}, "ISO 8601 date or date-time."),
        ("uuid", {"type": "string", "format": "uuid"}, None),
        ("some", {"type": "string", "pattern": "^[ab]$"}, None),
        ("words", {"type": "string", "pattern": "^[^,]+(,[^,]+)*$"}, None),
    ],
)
def test_a_parameter_is_described_as_it_is_read(
    name: str, schema: dict[str, Any], description: str | None
) -> None:
    described = query_parameter(parameters(Query)[name])
    assert described["schema"] == schema
    assert described.get("description") == description


class Part(Struct, omit_defaults=True):
    """A part that leaves out what is usual."""

    size: int = 1


class Answer(Struct, kw_only=True):
    """Every kind of field an answer can have."""

    amount: Decimal | None
    at: datetime
    ended_at: datetime | UnsetType | None = UNSET
    length: float | int | None = None
    kind: Literal["a", "b"] | None = None
    anything: Any = None
    free: dict[str, Any] = {}
    parts: list[Part] | str | UnsetType = UNSET


def test_a_schema_describes_what_is_printed() -> None:
    some = next(iter(dialects().values()))
    operation = structs.replace(some.operations[0], answer=Answer, rows=None, to_answer=lambda *_: None)
    schemas = openapi(structs.replace(some, operations=(operation,)))["components"]["schemas"]
    assert schemas["Part"]["required"] == []
    assert schemas["Answer"] == {
        "type": "object",
        "description": "Every kind of field an answer can have.",
        "properties": {
            "amount": {"type": ["number", "null"]},
            "at": {"type": "string", "format": "date-time"},
            "ended_at": {"type": ["string", "null"], "format": "date-time"},
            "length": {"type": ["number", "null"]},
            "kind": {"type": ["string", "null"], "enum": ["a", "b", None]},
            "anything": {},
            "free": {"type": "object", "additionalProperties": {}},
            "parts": {
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    {"type": "string"},
                ]
            },
        },
        "required": ["amount", "at", "length", "kind", "anything", "free"],
    }


def test_faults_that_a_vendor_words_alike_share_one_example() -> None:
    dialect = next(iter(dialects().values()))
    alike = structs.replace(dialect.errors, texts=dict.fromkeys(Fault, "No."))
    document = openapi(structs.replace(dialect, errors=alike))
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "300":
                ((_, content),) = response["content"].items()
                bodies = [msgspec.json.encode(example["value"]) for example in content["examples"].values()]
                assert len(bodies) == len(set(bodies))


@pytest.mark.parametrize("dialect", ALL)
def test_an_answer_that_can_be_had_as_toon_says_so(dialect: Dialect) -> None:
    for operation in dialect.operations:
        described = openapi(dialect)["paths"][operation.path][operation.method.lower()]
        content = described["responses"][str(operation.statuses[0])].get("content", {})
        assert ("text/toon" in content) == operation.offers_toon
        if operation.offers_toon:
            assert content["text/toon"]["schema"] == {"type": "string"}
            assert isinstance(content["text/toon"]["example"], str)


def test_statuses_follow_the_dialect_in_order() -> None:
    for dialect in dialects().values():
        for operation in dialect.operations:
            statuses = list(faults_of(dialect, operation))
            assert statuses == sorted(statuses)
            silent = bool(operation.media_types) or operation.answer is None
            assert (example_answer(dialect, operation) is None) == silent


@pytest.mark.parametrize("dialect", ALL)
def test_every_body_is_described_and_its_example_can_be_sent(dialect: Dialect) -> None:
    document = openapi(dialect)
    for operation in dialect.operations:
        described = document["paths"][operation.path][operation.method.lower()]
        assert ("requestBody" in described) == (operation.parse_body is not None)
        if operation.parse_body is not None and operation.body is not None:
            operation.parse_body(RequestBody(operation.body.example))
            content = described["requestBody"]["content"]["application/json"]
            validator(document, content["schema"]).validate(content["example"])
        headers = [item["name"] for item in described["parameters"] if item["in"] == "header"]
        assert ("Idempotency-Key" in headers) == operation.idempotent


@pytest.mark.parametrize("dialect", ALL)
def test_a_file_is_described_by_what_it_may_be_sent_as(dialect: Dialect) -> None:
    document = openapi(dialect)
    for operation in dialect.operations:
        if not operation.media_types:
            continue
        answer = document["paths"][operation.path][operation.method.lower()]["responses"]["200"]
        assert list(answer["content"]) == list(operation.media_types)
        if operation.media_types == (EVENTS,):
            assert answer["content"][EVENTS]["example"].startswith("event: call\nid: ")
            continue
        assert "Content-Disposition" in answer["headers"]
        for form in FORMATS.values():
            assert isinstance(answer["content"][form.media_type]["example"], str)
        line = msgspec.json.decode(answer["content"]["application/x-ndjson"]["example"])
        validator(document, {"$ref": "#/components/schemas/Call"}).validate(line)
