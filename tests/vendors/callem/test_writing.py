from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from trunkline.kit.query import read_query
from trunkline.model.call import Agent, Analysis, Call, Turn
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id, digest
from trunkline.model.intents import CallPage, GetCall, ListCalls
from trunkline.model.query import CallFilter, Order, Rows
from trunkline.model.words import EndReason, Role, Status
from trunkline.vendors.callem import DIALECT
from trunkline.vendors.callem.wire import CallList, WireCall, WireTurn

LIST, GET, *_ = DIALECT.operations
AT = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
FOREIGN = Call(
    id=call_id("elsewhere", "c-1"),
    vendor="elsewhere",
    vendor_call_id="c-1",
    status=Status.COMPLETED,
    created_at=AT,
    duration_ms=1500,
    agent=Agent(id="agent-1"),
    turns=[Turn(role=Role.AGENT, text="Hello"), Turn(role=Role.USER, text="Hi")],
)


def wire(**changes: Any) -> WireCall:
    written = DIALECT.to_wire(structs.replace(FOREIGN, **changes))
    assert isinstance(written, WireCall)
    return written


def intent_of(query: str) -> ListCalls:
    read, _ = read_query(query.encode(), LIST.query)
    intent = LIST.to_intent(read, "")
    assert isinstance(intent, ListCalls)
    return intent


def test_a_call_of_another_vendor_prints_in_full() -> None:
    assert wire() == WireCall(
        id=digest(FOREIGN.id).hex[:24],
        status="completed",
        duration=1.5,
        summary=None,
        evaluation=None,
        ended_reason=None,
        caller_number=None,
        called_number=None,
        is_engaged=True,
        call_analysis=None,
        transcript=[WireTurn("assistant", "Hello"), WireTurn("user", "Hi")],
        created_at="2026-02-03T04:05:06.789Z",
        updated_at="2026-02-03T04:05:06.789Z",
    )


def test_a_derived_id_is_understood_again() -> None:
    printed = wire().id
    assert re.fullmatch("[0-9a-f]{24}", printed)
    sought = DIALECT.ids.lookup(printed)
    assert sought is not None
    assert sought.digests is not None
    low, high = sought.digests
    assert low <= digest(FOREIGN.id) <= high


@pytest.mark.parametrize("status", list(Status))
def test_a_call_is_live_until_it_is_over(status: Status) -> None:
    assert wire(status=status).status == ("completed" if status.is_final else "live")


def test_a_length_that_is_not_known_prints_as_0() -> None:
    assert wire(duration_ms=None).duration == 0
    assert wire(duration_ms=145_000).duration == 145


def test_a_call_is_engaged_if_the_user_spoke_unless_it_is_stated() -> None:
    assert wire(turns=[Turn(role=Role.AGENT, text="Hello?")]).is_engaged is False
    assert wire(turns=[]).is_engaged is False
    assert wire(analysis=Analysis(engaged=False)).is_engaged is False
    assert wire(turns=[], analysis=Analysis(engaged=True)).is_engaged is True


@pytest.mark.parametrize(("success", "word"), [(True, "success"), (False, "fail"), (None, None)])
def test_the_evaluation_says_whether_the_goal_was_reached(success: bool | None, word: str | None) -> None:
    assert wire(analysis=Analysis(success=success)).evaluation == word


def test_a_reason_prints_in_this_vendors_word_and_an_unlisted_one_as_it_was_reported() -> None:
    assert wire(end_reason=EndReason.TRANSFER, end_reason_raw="call_transfer").ended_reason == "transfer"
    assert wire(end_reason=EndReason.OTHER, end_reason_raw="pipeline-error").ended_reason == "pipeline-error"


def test_the_update_falls_back_on_the_last_instant_that_is_known() -> None:
    started, ended, updated = (AT.replace(minute=minute) for minute in (10, 20, 30))
    assert wire(updated_at=updated, ended_at=ended, started_at=started).updated_at[14:16] == "30"
    assert wire(ended_at=ended, started_at=started).updated_at[14:16] == "20"
    assert wire(started_at=started).updated_at[14:16] == "10"


def test_a_list_requests_the_newest_calls_with_their_transcripts() -> None:
    assert intent_of("") == ListCalls(
        filter=CallFilter(), window=Rows(100, 0), order=Order(), with_total=True, with_transcript=True
    )
    assert intent_of("limit=50&offset=150").window == Rows(50, 150)


def test_a_limit_above_1000_is_counted_as_1000_and_printed_so() -> None:
    assert intent_of("limit=5000").window == Rows(1000, 0)
    query, _ = read_query(b"limit=5000&offset=3", LIST.query)
    answer = LIST.answer_of(CallPage.of("acme", [], total=7), query)
    assert isinstance(answer, CallList)
    assert (answer.pagination.total, answer.pagination.limit, answer.pagination.offset) == (7, 1000, 3)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=ten", "limit=1.5", "offset=-1", "offset="])
def test_a_malformed_value_is_refused_and_the_parameter_named(query: str) -> None:
    with pytest.raises(Refused) as caught:
        intent_of(query)
    assert caught.value.fault is Fault.BAD_REQUEST
    status, body = DIALECT.errors.answer(caught.value)
    assert status == 400
    assert query.partition("=")[0] in body.message


def test_what_is_not_documented_is_ignored_and_named() -> None:
    _, ignored = read_query(b"limit=5&status=live", LIST.query)
    assert ignored == ["status"]


def test_get_requests_the_transcript() -> None:
    assert GET.to_intent(GET.query(), "abc") == GetCall(printed_id="abc", with_transcript=True)


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (Fault.NO_CREDENTIAL, 401, "Missing or invalid Authorization header"),
        (Fault.MALFORMED_CREDENTIAL, 401, "Invalid API key format"),
        (Fault.UNKNOWN_CREDENTIAL, 401, "Invalid API key"),
        (Fault.REVOKED_CREDENTIAL, 401, "Invalid API key"),
        (Fault.EXPIRED_CREDENTIAL, 401, "API key has expired"),
        (Fault.ADDRESS_NOT_ALLOWED, 403, "IP address not allowed"),
        (Fault.CALL_NOT_FOUND, 404, "Call not found"),
        (Fault.FOREIGN_CALL, 404, "Call not found"),
        (Fault.INTERNAL, 500, "Internal server error"),
    ],
)
def test_a_refusal_is_worded_as_documented(fault: Fault, status: int, message: str) -> None:
    answered, body = DIALECT.errors.answer(Refused(fault))
    assert (answered, body.status_code, body.message) == (status, status, message)


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({}, Fault.NO_CREDENTIAL),
        ({"authorization": "Basic abc"}, Fault.NO_CREDENTIAL),
        ({"authorization": "Bearer "}, Fault.NO_CREDENTIAL),
        ({"authorization": "Bearer sk_live_abc"}, Fault.MALFORMED_CREDENTIAL),
        ({"authorization": "Bearer ck_live_a-b"}, Fault.MALFORMED_CREDENTIAL),
        ({"authorization": "Bearer ck_live_"}, Fault.MALFORMED_CREDENTIAL),
    ],
)
def test_a_credential_of_another_form_is_refused(headers: dict[str, str], fault: Fault) -> None:
    with pytest.raises(Refused) as caught:
        DIALECT.auth.read(headers)
    assert caught.value.fault is fault


def test_a_key_may_hold_any_letters_digits_and_underscores() -> None:
    assert DIALECT.auth.read({"authorization": "Bearer ck_live_Ab_9"}).token == "ck_live_Ab_9"
