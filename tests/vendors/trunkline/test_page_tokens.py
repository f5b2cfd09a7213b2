from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from trunkline.kit.cursors import content_of, cursor_of
from trunkline.kit.query import read_query
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, ListCalls
from trunkline.model.query import After, Position
from trunkline.model.words import Status
from trunkline.vendors.trunkline import DIALECT
from trunkline.vendors.trunkline.wire import ListQuery

LIST, *_ = DIALECT.operations
ID = "f1e2d3c4-b5a6-7890-1234-567890abcdef"
AT = datetime(2026, 2, 3, 4, 5, 6, 789123, tzinfo=UTC)
CALL = Call(id=ID, vendor="callem", vendor_call_id="c-1", status=Status.COMPLETED, created_at=AT)


def read(query: str) -> ListQuery:
    return read_query(query.encode(), ListQuery, refuse_unknown=True)[0]


def token(query: str, *, org: str = "acme", has_more: bool = True, **changes: Any) -> str | None:
    page = CallPage.of(org, [structs.replace(CALL, **changes)], has_more=has_more)
    found: str | None = LIST.answer_of(page, read(query)).next_page_token
    return found


def window(query: str, page_token: str | None) -> After:
    intent = LIST.to_intent(structs.replace(read(query), page_token=page_token), "")
    assert isinstance(intent, ListCalls)
    assert isinstance(intent.window, After)
    return intent.window


def forged(query: str = "", **changes: Any) -> str:
    kept = token(query)
    assert kept is not None
    content = content_of(kept) | changes
    return cursor_of({name: value for name, value in content.items() if value is not ...})


def test_a_token_names_the_position_of_the_last_call_and_the_org() -> None:
    assert window("page_size=7", token("")) == After(7, Position(AT, ID), "acme")


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_a_token_to_the_microsecond(at: datetime) -> None:
    assert window("", token("", created_at=at)).position == Position(at, ID)


def position_of(value: datetime | int | None) -> Position:
    """Calls without a value follow their creation, so that is in the token too."""
    return Position(value, ID, AT if value is None else None)


@pytest.mark.parametrize("value", [None, 0, 90_000])
def test_a_duration_or_its_absence_survives_a_token(value: int | None) -> None:
    query = "order_by=duration_ms"
    assert window(query, token(query, duration_ms=value)).position == position_of(value)


@pytest.mark.parametrize("order_by", ["started_at", "ended_at"])
@pytest.mark.parametrize("value", [None, AT])
def test_an_optional_instant_survives_a_token(order_by: str, value: datetime | None) -> None:
    query, changes = f"order_by={order_by}", dict[str, Any]({order_by: value})
    assert window(query, token(query, **changes)).position == position_of(value)


def test_there_is_no_token_after_the_last_page() -> None:
    assert token("", has_more=False) is None
    assert LIST.answer_of(CallPage.of("acme", [], has_more=True), read("")).next_page_token is None


@pytest.mark.parametrize(
    "query",
    ["page_size=3", "include_total=true", "include=turns", "format=toon", "page_size=1&include=words,tools"],
)
def test_what_does_not_decide_the_next_call_may_change_between_pages(query: str) -> None:
    asked_before = token("vendor=callem")
    assert window(f"vendor=callem&{query}", asked_before).position == Position(AT, ID)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "order=asc"),
        ("", "status=completed"),
        ("status=completed", ""),
        ("status=completed", "status=completed,failed"),
        ("vendor=callem", "vendor=zudu"),
        ("success=true", "success=false"),
        ("success=true", "voicemail=true"),
        ("phone=%2B12125550100", "from_number=%2B12125550100"),
        ("created_from=2026-01-01", "created_from=2026-01-02"),
        ("created_from=2026-01-01", "created_to=2026-01-01"),
        ("duration_ms_min=0", ""),
        ("transcript_search=a", "transcript_search=b"),
        ("order_by=started_at", "order_by=ended_at"),
        ("order_by=started_at", "order_by=duration_ms"),
    ],
)
def test_a_token_of_another_filter_or_order_is_refused(before: str, after: str) -> None:
    with pytest.raises(Refused) as caught:
        window(after, token(before))
    assert (caught.value.fault, caught.value.parameter) == (Fault.BAD_CURSOR, "page_token")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("order=desc&order_by=created_at", ""),
        ("status=failed,completed", "status=completed,failed"),
        ("phone=%2B12125550100", "phone=+1%20212%20555%200100"),
        ("vendor=callem&success=true", "success=1&vendor=callem"),
        ("created_from=2026-01-01T00:00:00Z", "created_from=2026-01-01T01:00:00%2B01:00"),
    ],
)
def test_the_same_question_in_other_words_keeps_its_token(before: str, after: str) -> None:
    assert window(after, token(before)).position == Position(AT, ID)


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("", {"v": None}),
        ("", {"v": ...}),
        ("", {"v": 5}),
        ("", {"v": "yesterday"}),
        ("", {"v": "2026-13-01T00:00:00+00:00"}),
        ("", {"v": "9999-12-31T23:59:59-12:00"}),
        ("", {"v": ["2026-01-01"]}),
        ("", {"i": "c-1"}),
        ("", {"i": 5}),
        ("", {"i": ...}),
        ("", {"o": None}),
        ("", {"o": ...}),
        ("", {"q": "0" * 16}),
        ("", {"q": ...}),
        ("", {"q": ["x"]}),
        ("order_by=duration_ms", {"v": "5"}),
        ("order_by=duration_ms", {"v": 1.5}),
        ("order_by=duration_ms", {"v": True}),
        ("order_by=duration_ms", {"v": -1}),
        ("order_by=duration_ms", {"v": 2**63}),
        ("order_by=started_at", {"v": 5}),
        ("order_by=started_at", {"v": False}),
        ("order_by=started_at", {"c": ...}),
        ("order_by=started_at", {"c": 5}),
    ],
)
def test_a_token_with_malformed_content_is_refused(query: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        window(query, forged(query, **changes))
    assert (caught.value.fault, caught.value.parameter) == (Fault.BAD_CURSOR, "page_token")


@pytest.mark.parametrize("text", ["x", "%%%", "bnVsbA==", "W10=", "e30=", "A" * 3000, "é"])
def test_a_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        window("", text)
    assert (caught.value.fault, caught.value.parameter) == (Fault.BAD_CURSOR, "page_token")


def test_an_instant_in_another_zone_means_the_same_place() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert window("", forged(v=elsewhere, i=ID.upper())).position == Position(AT, ID)
