from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.vendors.zudu.samples import a_call, body_of, foreign, plain, printed, read
from trunkline.kit.losses import full_call
from trunkline.kit.query import read_query
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, GetCall, ListCalls
from trunkline.model.query import Order, Rows, SortField
from trunkline.model.words import Status
from trunkline.vendors.zudu.api import DIALECT, GET, LIST
from trunkline.vendors.zudu.recognition import SAVED
from trunkline.vendors.zudu.wire import CallList


def intent_of(query_string: str) -> ListCalls:
    query, _ = read_query(query_string.encode(), LIST.query)
    intent = LIST.to_intent(query, "")
    assert isinstance(intent, ListCalls)
    return intent


def test_a_list_begins_at_page_zero_with_twenty_calls_newest_start_first() -> None:
    intent = intent_of("")
    assert intent.window == Rows(20, 0)
    assert intent.order == Order(SortField.STARTED_AT, newest_first=True)
    assert intent.with_total
    assert intent.with_transcript


def test_page_limit_and_order_are_understood() -> None:
    intent = intent_of("page=3&limit=100&sort_by=call_duration&sort_order=ascending")
    assert intent.window == Rows(100, 300)
    assert intent.order == Order(SortField.DURATION_MS, newest_first=False)
    assert intent_of("page=999999999999999999").window == Rows(20, 2**62)


@pytest.mark.parametrize(
    ("query_string", "error"),
    [
        ("limit=0", "limit must be between 1 and 100"),
        ("limit=101", "limit must be between 1 and 100"),
        ("limit=ten", "limit must be an integer"),
        ("page=-1", "page must be at least 0"),
        ("sort_order=desc", "sort_order must be one of ascending, descending"),
    ],
)
def test_a_malformed_value_is_a_validation_error(query_string: str, error: str) -> None:
    with pytest.raises(Refused) as refused:
        intent_of(query_string)
    status, body = DIALECT.errors.answer(refused.value)
    assert status == 400
    assert plain(body) == {"message": "Validation error", "status": "error", "error": error}


@pytest.mark.parametrize(
    ("page", "total", "shown", "pages", "further", "before"),
    [
        (0, 0, 0, 0, False, False),
        (0, 41, 20, 3, True, False),
        (2, 41, 1, 3, False, True),
        (9, 41, 0, 3, False, True),
    ],
)
def test_pagination_says_what_lies_before_and_after(
    page: int, total: int, shown: int, pages: int, further: bool, before: bool
) -> None:
    calls = [full_call() for _ in range(shown)]
    answer = LIST.answer_of(CallPage.of("acme", calls, total=total), LIST.query(page=page))
    assert isinstance(msgspec.json.decode(msgspec.json.encode(answer), type=CallList), CallList)
    data = plain(answer)["data"]
    assert data["pagination"] == {
        "page": page,
        "limit": 20,
        "total_count": total,
        "total_pages": pages,
        "has_next_page": further,
        "has_previous_page": before,
    }
    assert (data["returned_count"], data["organization_id"]) == (shown, "acme")
    assert data["applied_filters"] == {}


def test_the_envelope_names_the_org_of_its_calls_if_they_agree() -> None:
    own, other = read(a_call()), full_call()
    for calls, org in (([own, own], "org-harbour"), ([own, other], "acme"), ([], "acme")):
        answer = LIST.answer_of(CallPage.of("acme", calls, total=2), LIST.query())
        assert answer.data.organization_id == org


def test_get_wants_the_call_with_its_transcript() -> None:
    assert GET.to_intent(GET.query(), "call_1") == GetCall(printed_id="call_1", with_transcript=True)


@pytest.mark.parametrize("fault", [Fault.CALL_NOT_FOUND, Fault.FOREIGN_CALL])
def test_an_unknown_and_a_foreign_call_are_refused_alike(fault: Fault) -> None:
    status, body = DIALECT.errors.answer(Refused(fault, "call_abc123"))
    assert status == 404
    assert json.dumps(plain(body)) == json.dumps(
        {
            "message": "Call not found",
            "status": "error",
            "error": "Call with ID 'call_abc123' does not exist",
        }
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault.NO_CREDENTIAL,
        Fault.MALFORMED_CREDENTIAL,
        Fault.UNKNOWN_CREDENTIAL,
        Fault.EXPIRED_CREDENTIAL,
        Fault.REVOKED_CREDENTIAL,
        Fault.ADDRESS_NOT_ALLOWED,
    ],
)
def test_every_wrong_credential_reads_the_same(fault: Fault) -> None:
    status, body = DIALECT.errors.answer(Refused(fault))
    assert status == 401
    assert plain(body)["message"] == "Unauthorized"
    assert plain(body)["error"] == "Missing or invalid API key/secret"


def test_both_headers_are_required() -> None:
    assert DIALECT.auth.matches({"x-api-secret": "s3cr3t_1"})
    assert not DIALECT.auth.matches({"x-api-key": "sk_1"})
    for headers in ({"x-api-key": "sk_1"}, {"x-api-secret": "s3cr3t_1"}, {}):
        with pytest.raises(Refused, match="NO_CREDENTIAL"):
            DIALECT.auth.read(headers)
    shown = DIALECT.auth.read({"x-api-key": "sk_1", "x-api-secret": "s3cr3t_2"})
    assert (shown.token, shown.secret) == ("sk_1", "2")


def test_a_foreign_id_is_derived_and_found_again() -> None:
    call = full_call()
    printed_id = DIALECT.ids.printed(call)
    assert printed_id.startswith("call_")
    assert len(printed_id) == len("call_") + 12
    sought = DIALECT.ids.lookup(printed_id)
    assert sought is not None
    assert sought.digests is not None
    by_uuid = DIALECT.ids.lookup(call.id.upper())
    assert by_uuid is not None
    assert by_uuid.id == call.id


def test_calls_are_found_in_every_wrapper() -> None:
    raw = a_call()
    wrapped: list[Any] = [
        raw,
        [raw],
        {"data": raw},
        {"data": {"call": raw}},
        {"data": {"calls": [raw]}},
        body_of("get.json"),
    ]
    for document in wrapped:
        assert SAVED.calls_in(document) == [raw]
    empty = plain(LIST.answer_of(CallPage.of("acme", [], total=0), LIST.query()))
    assert SAVED.calls_in(empty) == []
    strangers: list[Any] = [None, [], [1], {}, {"data": []}, {"data": {"call_sid": "call_1"}}]
    for document in strangers:
        assert SAVED.calls_in(document) is None


def test_a_call_that_is_under_way_prints_its_open_ends_as_null() -> None:
    call = foreign(status=Status.IN_PROGRESS, ended_at=None, duration_ms=None, end_reason=None)
    back = printed(call)
    assert (back["call_status"], back["end_timestamp"], back["call_duration"]) == ("ONGOING", None, None)
    assert back["start_timestamp"] == round(
        (full_call().created_at + timedelta(seconds=9)).timestamp() * 1000
    )
