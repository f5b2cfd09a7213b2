from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from trunkline.kit.query import read_query
from trunkline.model.call import TRANSCRIPT_FIELDS, Call, ToolCall, Turn, Word
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id
from trunkline.model.intents import CallPage, OneCall
from trunkline.model.words import Role, Status
from trunkline.vendors.trunkline import DIALECT
from trunkline.vendors.trunkline.wire import CallList, GetQuery, ListQuery

LIST, GET, *_ = DIALECT.operations
PLAIN = Call(
    id=call_id("callem", "c-1"),
    vendor="callem",
    vendor_call_id="c-1",
    status=Status.COMPLETED,
    created_at=datetime(2026, 2, 3, tzinfo=UTC),
    turn_count=2,
)
SILENT = [Turn(role=Role.AGENT, text="Hello"), Turn(role=Role.USER, text="Hi", words=UNSET)]
TIMED = [
    Turn(role=Role.AGENT, text="Hello", words=[Word("Hello", 0, 400)]),
    Turn(role=Role.USER, text="Hi", words=[]),
]
FULL = structs.replace(
    PLAIN,
    turns=TIMED,
    tool_calls=[ToolCall(name="check_calendar")],
    transcript_text="Agent: Hello",
    events=[{"event": "Call created"}],
)
WITHOUT_WORDS = [Turn(role=Role.AGENT, text="Hello"), Turn(role=Role.USER, text="Hi")]
TURNS_ONLY = structs.replace(FULL, turns=WITHOUT_WORDS, tool_calls=UNSET)
WORDS_TOO = structs.replace(FULL, tool_calls=UNSET)
TOOLS_ONLY = structs.replace(PLAIN, tool_calls=FULL.tool_calls)

INCLUDES = {
    "turns": TURNS_ONLY,
    "words": WORDS_TOO,
    "turns,words": WORDS_TOO,
    "tools": TOOLS_ONLY,
    "turns,tools": structs.replace(FULL, turns=WITHOUT_WORDS),
    "words,tools": FULL,
    "turns,words,tools": FULL,
}


def listed(query: str, *calls: Call, **page: Any) -> CallList:
    read = read_query(query.encode(), ListQuery, refuse_unknown=True)[0]
    answer = LIST.answer_of(CallPage.of("acme", calls, **page), read)
    assert isinstance(answer, CallList)
    return answer


def got(query: str, call: Call) -> Call:
    answer = GET.answer_of(OneCall("acme", call), read_query(query.encode(), GetQuery)[0])
    assert isinstance(answer, Call)
    return answer


@pytest.mark.parametrize("include", INCLUDES)
def test_an_answer_holds_what_is_included_and_nothing_else(include: str) -> None:
    assert listed(f"include={include}", FULL).calls == [INCLUDES[include]]
    assert got(f"include={include}", FULL) == INCLUDES[include]


def test_a_list_prints_no_conversation_by_itself_and_get_prints_all_of_it() -> None:
    assert listed("", FULL).calls == [PLAIN]
    assert got("", FULL) == FULL
    assert DIALECT.to_wire(FULL) == FULL


def test_what_is_not_included_has_no_key() -> None:
    keys = msgspec.to_builtins(listed("", FULL).calls[0]).keys()
    assert not set(TRANSCRIPT_FIELDS) & keys
    assert "analysis" in keys


def test_writing_leaves_the_call_as_it_was() -> None:
    before = msgspec.json.encode(FULL)
    for include in INCLUDES:
        listed(f"include={include}", FULL)
        got(f"include={include}", FULL)
    assert msgspec.json.encode(FULL) == before


def test_a_call_without_a_conversation_prints_as_it_is() -> None:
    assert listed("", PLAIN).calls == [PLAIN]
    assert got("include=turns", structs.replace(PLAIN, turns=[])).turns == []
    assert got("include=turns", structs.replace(PLAIN, turns=SILENT)).turns == SILENT


def test_the_total_is_there_only_when_it_was_requested() -> None:
    assert "total_size" not in msgspec.to_builtins(listed("", PLAIN, total=7))
    assert msgspec.to_builtins(listed("include_total=true", PLAIN, total=7))["total_size"] == 7
    assert msgspec.to_builtins(listed("include_total=1", total=0))["total_size"] == 0


def test_a_list_has_its_keys_in_order() -> None:
    answer = msgspec.to_builtins(listed("include_total=true", PLAIN, total=1))
    assert list(answer) == ["calls", "next_page_token", "total_size"]
    assert answer["next_page_token"] is None


@pytest.mark.parametrize("vendor", ["callem", "trunkline"])
def test_every_call_prints_its_canonical_id_and_is_found_by_it(vendor: str) -> None:
    call = structs.replace(PLAIN, vendor=vendor)
    assert DIALECT.ids.printed(call) == call.id
    assert got("", call).id == call.id
    sought = DIALECT.ids.lookup(call.id.upper())
    assert sought is not None
    assert sought.id == call.id


def test_the_id_that_a_vendor_gave_names_no_call() -> None:
    sought = DIALECT.ids.lookup("c-1")
    assert sought is not None
    assert (sought.id, sought.digests, sought.vendor) == (None, None, "")  # no call has an empty vendor


def test_our_own_api_keeps_to_its_prefix_and_refuses_unknown_parameters() -> None:
    assert not DIALECT.at_root
    assert DIALECT.refuse_unknown
    reading = [operation for operation in DIALECT.operations if operation.scope == "read"]
    assert [one.path for one in reading] == [
        "/v1/calls",
        "/v1/calls/{id}",
        "/v1/calls:export",
        "/v1/calls:changes",
        "/v1/calls:stream",
        "/v1/ledger",
        "/v1/inbox",
        "/v1/inbox/{id}",
    ]
    assert all(operation.offers_toon != bool(operation.media_types) for operation in reading)


def test_a_refusal_is_a_problem_that_names_the_parameter() -> None:
    status, body = DIALECT.errors.answer(Refused(Fault.BAD_REQUEST, "limit is unknown", "limit"))
    assert status == 400
    assert DIALECT.errors.media_type == "application/problem+json"
    assert msgspec.to_builtins(body) == {
        "type": "/problems/bad-request",
        "title": "Bad request",
        "status": 400,
        "detail": "The request cannot be read: limit is unknown.",
        "errors": [{"parameter": "limit", "detail": "limit is unknown"}],
    }


def test_a_refusal_without_a_parameter_has_no_errors() -> None:
    _, body = DIALECT.errors.answer(Refused(Fault.NO_CREDENTIAL))
    assert list(msgspec.to_builtins(body)) == ["type", "title", "status", "detail"]


def test_a_token_that_the_service_refuses_is_named_as_well() -> None:
    status, body = DIALECT.errors.answer(Refused(Fault.BAD_CURSOR))
    assert status == 400
    assert [error.parameter for error in body.errors] == ["page_token"]


def test_a_foreign_call_is_refused_as_if_unknown() -> None:
    foreign = DIALECT.errors.answer(Refused(Fault.FOREIGN_CALL))
    assert foreign == DIALECT.errors.answer(Refused(Fault.CALL_NOT_FOUND))
    assert foreign[0] == 404


def test_every_fault_has_a_type_of_its_own_but_for_the_foreign_call() -> None:
    types = {fault: DIALECT.errors.answer(Refused(fault))[1].type for fault in Fault}
    del types[Fault.FOREIGN_CALL]
    assert len(set(types.values())) == len(types)


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({}, Fault.NO_CREDENTIAL),
        ({"x-api-key": "tl_abc"}, Fault.NO_CREDENTIAL),
        ({"authorization": "Bearer ck_live_abc"}, Fault.MALFORMED_CREDENTIAL),
        ({"authorization": "Bearer tl_"}, Fault.MALFORMED_CREDENTIAL),
        ({"authorization": "Bearer tl_a.b"}, Fault.MALFORMED_CREDENTIAL),
    ],
)
def test_a_credential_of_another_form_is_refused(headers: dict[str, str], fault: Fault) -> None:
    with pytest.raises(Refused) as caught:
        DIALECT.auth.read(headers)
    assert caught.value.fault is fault
