from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from trunkline.kit.query import read_query
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import GetCall, ListCalls
from trunkline.model.query import After, CallFilter, Order, SortField, Span, Wording
from trunkline.vendors.trunkline import DIALECT
from trunkline.vendors.trunkline.wire import CLOSED, ListQuery

LIST, GET, *_ = DIALECT.operations


def intent_of(query: str) -> ListCalls:
    read, ignored = read_query(query.encode(), LIST.query, refuse_unknown=DIALECT.refuse_unknown)
    assert ignored == []
    intent = LIST.to_intent(read, "")
    assert isinstance(intent, ListCalls)
    return intent


def get_intent_of(query: str) -> GetCall:
    read, _ = read_query(query.encode(), GET.query, refuse_unknown=DIALECT.refuse_unknown)
    intent = GET.to_intent(read, "some-id")
    assert isinstance(intent, GetCall)
    return intent


def day(year: int, month: int, number: int, *, last: bool = False) -> datetime:
    first = datetime(year, month, number, tzinfo=UTC)
    return first.replace(hour=23, minute=59, second=59, microsecond=999999) if last else first


def worded(*values: str) -> Wording:
    return Wording(values=frozenset(values))


FILTERS: dict[str, dict[str, Any]] = {
    "status=completed,failed": {"status": worded("completed", "failed")},
    "result=answered": {"result": worded("answered")},
    "direction=inbound": {"direction": worded("inbound")},
    "channel=web,test": {"channel": worded("web", "test")},
    "end_reason=other": {"end_reason": worded("other")},
    "sentiment=negative": {"sentiment": worded("negative")},
    "success=true": {"success": True},
    "voicemail=0": {"voicemail": False},
    "engaged=true": {"engaged": True},
    "vendor=callem,zudu": {"vendor": frozenset({"callem", "zudu"})},
    "vendor_call_id=a,b": {"vendor_call_id": frozenset({"a", "b"})},
    "agent_id=agent-1": {"agent_id": frozenset({"agent-1"})},
    "campaign_id=c1,c2": {"campaign_id": frozenset({"c1", "c2"})},
    "phone=%2B12125550100": {"any_number": "+12125550100"},
    "from_number=+12125550100": {"from_number": "+12125550100"},
    "to_number=12125550100": {"to_number": "+12125550100"},
    "created_from=2026-01-02": {"created_at": Span(low=day(2026, 1, 2))},
    "created_to=2026-01-02": {"created_at": Span(high=day(2026, 1, 2, last=True))},
    "started_from=2026-01-02&started_to=2026-01-03": {
        "started_at": Span(day(2026, 1, 2), day(2026, 1, 3, last=True))
    },
    "ended_from=2026-01-02T10:00:00Z": {"ended_at": Span(low=datetime(2026, 1, 2, 10, tzinfo=UTC))},
    "ended_to=2026-01-02T10:00:00Z": {"ended_at": Span(high=datetime(2026, 1, 2, 10, tzinfo=UTC))},
    "duration_ms_min=0": {"duration_ms": Span(low=0)},
    "duration_ms_max=90000": {"duration_ms": Span(high=90000)},
    "duration_ms_min=1&duration_ms_max=2": {"duration_ms": Span(1, 2)},
    "transcript_search=next%20Tuesday": {"transcript_text": "next Tuesday"},
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_lands_in_its_own_field_and_in_no_other(query: str) -> None:
    assert intent_of(query).filter == CallFilter(**FILTERS[query])


def test_every_parameter_that_filters_is_tried_above() -> None:
    asking = {"include", "format", "page_size", "page_token", "include_total", "order_by", "order"}
    tried = {pair.partition("=")[0] for query in FILTERS for pair in query.split("&")}
    assert {field.encode_name for field in structs.fields(ListQuery)} == tried | asking


def test_several_filters_combine() -> None:
    query = "status=completed&vendor=callem&success=false&duration_ms_min=1"
    assert intent_of(query).filter == CallFilter(
        status=worded("completed"), vendor=frozenset({"callem"}), success=False, duration_ms=Span(low=1)
    )


def test_without_parameters_the_newest_50_calls_are_requested_without_total_or_transcript() -> None:
    assert intent_of("") == ListCalls(
        filter=CallFilter(), window=After(50), order=Order(), with_total=False, with_transcript=False
    )


def test_order_total_and_page_size_are_requested() -> None:
    intent = intent_of("order_by=duration_ms&order=asc&include_total=true&page_size=1000")
    assert intent.order == Order(by=SortField.DURATION_MS, newest_first=False)
    assert intent.with_total
    assert intent.window == After(1000)


def test_a_list_may_be_ordered_by_every_field_there_is() -> None:
    for field in SortField:
        assert intent_of(f"order_by={field}").order.by is field


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *((f"{name}=nonsense", name) for name in CLOSED),
        ("status=completed,nonsense", "status"),
        ("status=completed,", "status"),
        ("status=", "status"),
        ("include=words,everything", "include"),
        ("include=", "include"),
        ("vendor=", "vendor"),
        ("agent_id=a,,b", "agent_id"),
        ("success=maybe", "success"),
        ("phone=nobody", "phone"),
        ("created_from=yesterday", "created_from"),
        ("created_to=2026-02-30", "created_to"),
        ("duration_ms_min=-1", "duration_ms_min"),
        ("duration_ms_max=1.5", "duration_ms_max"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("order_by=id", "order_by"),
        ("order=up", "order"),
        ("format=xml", "format"),
        ("transcript_search=", "transcript_search"),
        ("limit=5", "limit"),
        ("status=completed&status=failed", "status"),
    ],
)
def test_a_malformed_value_is_refused_and_the_parameter_named(query: str, parameter: str) -> None:
    with pytest.raises(Refused) as caught:
        intent_of(query)
    assert (caught.value.fault, caught.value.parameter) == (Fault.BAD_REQUEST, parameter)


@pytest.mark.parametrize("name", CLOSED)
def test_a_word_outside_our_lists_is_answered_with_the_list(name: str) -> None:
    with pytest.raises(Refused) as caught:
        intent_of(f"{name}=nonsense")
    assert all(word in caught.value.detail for word in CLOSED[name])


@pytest.mark.parametrize("include", ["turns", "words", "tools", "turns,words,tools"])
def test_including_anything_fetches_the_conversation(include: str) -> None:
    assert intent_of(f"include={include}").with_transcript
    assert get_intent_of(f"include={include}").with_transcript


def test_get_requests_the_conversation_by_itself() -> None:
    assert get_intent_of("") == GetCall(printed_id="some-id", with_transcript=True)


def test_get_refuses_what_it_cannot_include() -> None:
    with pytest.raises(Refused) as caught:
        get_intent_of("include=events")
    assert caught.value.parameter == "include"
