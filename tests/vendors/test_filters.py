"""A filter finds exactly what prints: the answers are checked against the whole list, as printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import World
from tests.vendors.conftest import NUMBERS, START, some_calls
from tests.vendors.walks import WALKS, listed, pages
from trunkline.kit.query import parameters
from trunkline.vendors import dialects

Rows = list[dict[str, Any]]
EXAMPLES = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="session")
def printed(crowd: World) -> dict[str, Rows]:
    return {
        "contactship": listed(crowd, "contactship"),
        "trunkline": listed(crowd, "trunkline", "include=turns"),
    }


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


days = st.integers(-1, 3).map(lambda n: (START + timedelta(days=n)).strftime("%Y-%m-%d"))
moments = st.integers(-5, 40).map(lambda n: (START + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))


def from_on(value: str, at: str | None) -> bool:
    return at is not None and instant(at) >= instant(value if "T" in value else f"{value}T00:00:00Z")


def until(value: str, at: str | None) -> bool:
    if at is None:
        return False
    return at[:10] <= value if "T" not in value else instant(at) <= instant(value)


# What is drawn depends on nothing but these strategies, and all of it is drawn before anything is requested:
# of values that only the printed rows have, the position is drawn.
positions = st.integers(0, 999)


def some_of(filters: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """At most three filters, with values."""
    one = st.one_of(*(st.tuples(st.just(name), values) for name, values in filters.items()))
    return st.lists(one, max_size=3, unique_by=lambda pair: pair[0]).map(dict)


CONTACTSHIP = parameters(dialects()["contactship"].operations[0].query)
contactship_filters = some_of(
    {
        "call_status": st.sampled_from(CONTACTSHIP["call_status"].kind.__args__),
        "call_result": st.sampled_from(CONTACTSHIP["call_result"].kind.__args__),
        "agent_id": positions,
        "campaign_id": positions,
        "phoneNumber": st.sampled_from(NUMBERS),
        "date_from": days | moments,
        "date_to": days | moments,
    }
)


@given(filters=contactship_filters, order=st.sampled_from(["asc", "desc"]), limit=st.integers(0, 300))
@EXAMPLES
def test_contactships_filters_find_exactly_what_prints(
    crowd: World, printed: dict[str, Rows], filters: dict[str, Any], order: str, limit: int
) -> None:
    rows = printed["contactship"]
    query = {name: value_of(rows, value, name) for name, value in filters.items()}
    matching = [row for row in rows if all(HOLDS[name](value, row) for name, value in query.items())]
    asked = urlencode({**query, "order": order, "limit": limit})
    answer = crowd.get("contactship", f"/v1/calls?{asked}").json()
    expected = matching if order == "desc" else matching[::-1]
    assert answer["count"] == len(matching)
    assert [row["id"] for row in answer["data"]] == [row["id"] for row in expected][:limit]


def value_of(rows: Rows, drawn: str | int, *path: str) -> str:
    """What was drawn, or the value at a position among those that the rows have."""
    if isinstance(drawn, str):
        return drawn
    values = sorted({str(value_at(row, *path)) for row in rows} - {"None", ""})
    return values[drawn % len(values)]


def has_number(value: str, row: dict[str, Any]) -> bool:
    return value in (row["from"], (row["contact"] or {}).get("phone_number"))


HOLDS: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    **{
        name: lambda value, row, name=name: row[name] == value  # type: ignore[misc]
        for name in ("call_status", "call_result", "agent_id", "campaign_id")
    },
    "phoneNumber": has_number,
    "date_from": lambda value, row: from_on(value, row["created_at"]),
    "date_to": lambda value, row: until(value, row["created_at"]),
}


def one_of(value: str, word: str | None) -> bool:
    return word in value.split(",")


def value_at(row: dict[str, Any], *path: str) -> Any:
    found: Any = row
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


OWN: dict[str, tuple[Any, Any]] = {
    "status": ("status", one_of),
    "result": ("result", one_of),
    "direction": ("direction", one_of),
    "channel": ("channel", one_of),
    "end_reason": ("end_reason", one_of),
    "vendor": ("vendor", one_of),
    "agent_id": ("agent.id", one_of),
    "campaign_id": ("campaign.id", one_of),
    "sentiment": ("analysis.sentiment", one_of),
    "success": ("analysis.success", lambda value, found: found is (value == "true")),
    "voicemail": ("analysis.voicemail", lambda value, found: found is (value == "true")),
    "from_number": ("from_number", lambda value, found: found == value),
    "to_number": ("to_number", lambda value, found: found == value),
    "created_from": ("created_at", from_on),
    "created_to": ("created_at", until),
    "started_from": ("started_at", from_on),
    "started_to": ("started_at", until),
    "ended_from": ("ended_at", from_on),
    "ended_to": ("ended_at", until),
    "duration_ms_min": ("duration_ms", lambda value, found: found is not None and found >= int(value)),
    "duration_ms_max": ("duration_ms", lambda value, found: found is not None and found <= int(value)),
}
INSTANTS = {name for name in OWN if name.endswith(("_from", "_to"))}


BOOLEANS = {"success", "voicemail"}
own_filters = some_of(
    {
        name: days | moments
        if name in INSTANTS
        else st.sampled_from(["true", "false"])
        if name in BOOLEANS
        else positions
        for name in OWN
    }
)


@given(filters=own_filters)
@EXAMPLES
def test_our_own_filters_find_exactly_what_prints(
    crowd: World, printed: dict[str, Rows], filters: dict[str, Any]
) -> None:
    matching = printed["trunkline"]
    query: dict[str, str] = {}
    for name, drawn in filters.items():
        dotted, holds = OWN[name]
        path = dotted.split(".")
        value = query[name] = value_of(printed["trunkline"], drawn, *path)
        matching = [row for row in matching if holds(value, value_at(row, *path))]
    answer = crowd.get("trunkline", f"/v1/calls?{urlencode(query)}&page_size=1000&include_total=true").json()
    assert answer["total_size"] == len(matching)
    assert [row["id"] for row in answer["calls"]] == [row["id"] for row in matching]


@pytest.mark.claim("trunkline:filter.engaged")
@pytest.mark.parametrize("engaged", [True, False])
def test_engaged_finds_what_callem_prints_so(engaged: bool, crowd: World) -> None:
    asked = f"/v1/calls?engaged={str(engaged).lower()}&page_size=1000&include_total=true"
    answer = crowd.get("trunkline", asked).json()
    order = [row["id"] for row in listed(crowd, "trunkline")]
    as_printed = listed(crowd, "callem")
    assert len(as_printed) == len(order)
    expected = [one for one, row in zip(order, as_printed, strict=True) if row["isEngaged"] is engaged]
    assert [row["id"] for row in answer["calls"]] == expected
    assert answer["total_size"] == len(expected) > 0


@pytest.mark.parametrize("number", NUMBERS)
def test_our_phone_filter_finds_either_party_and_the_contact(
    number: str, crowd: World, printed: dict[str, Rows]
) -> None:
    answer = crowd.get("trunkline", f"/v1/calls?{urlencode({'phone': number})}&page_size=1000").json()
    expected = [
        row["id"]
        for row in printed["trunkline"]
        if number in (row["from_number"], row["to_number"], value_at(row, "contact", "phone_number"))
    ]
    assert [row["id"] for row in answer["calls"]] == expected


@pytest.mark.parametrize("needle", ["appointment", "APPOINTMENT", "vous", "50%", "no one ever says this"])
def test_our_text_search_finds_what_was_said(needle: str, crowd: World, printed: dict[str, Rows]) -> None:
    answer = crowd.get(
        "trunkline", f"/v1/calls?{urlencode({'transcript_search': needle})}&page_size=1000"
    ).json()
    expected = [
        row["id"]
        for row in printed["trunkline"]
        if any(needle.casefold() in turn["text"].casefold() for turn in row.get("turns", []))
    ]
    assert [row["id"] for row in answer["calls"]] == expected


@pytest.mark.parametrize(
    "query", ["order_by=started_at", "order_by=duration_ms&order=asc", "order_by=ended_at&order=asc"]
)
def test_our_order_keeps_empty_values_last_on_pages_of_any_size(query: str, crowd: World) -> None:
    rows = listed(crowd, "trunkline", query)
    met = [call_id for page in pages(crowd, "trunkline", 31, query) for call_id in page]
    assert met == [row["id"] for row in rows]
    field = query.partition("=")[2].partition("&")[0]
    values = [row[field] for row in rows]
    filled = [value for value in values if value is not None]
    assert values[: len(filled)] == filled
    assert filled == sorted(filled, reverse="asc" not in query)


def test_the_two_words_for_one_status_are_distinguished(crowd: World) -> None:
    for word in ("answering-machine", "voice_mail"):
        rows = crowd.get("contactship", f"/v1/calls?call_status={word}&limit=1000").json()["data"]
        assert rows
        assert {row["call_status"] for row in rows} == {word}


def test_walks_know_every_page_size_parameter() -> None:
    for name, walk in WALKS.items():
        assert walk.limit in parameters(dialects()[name].operations[0].query)


@pytest.mark.parametrize("number", ["+0987654321", "12025551234", "1 415 555 2678", "+44 (0)20 7946 0958"])
def test_a_number_is_found_as_it_prints(number: str, world: World) -> None:
    call = some_calls("zudu", 1)[0]
    call.from_number = number
    world.take([call])
    (row,) = listed(world, "contactship")
    assert row["from"] == number
    found = world.get("contactship", f"/v1/calls?{urlencode({'phoneNumber': row['from']})}").json()
    assert found["count"] == 1
    own = world.get("trunkline", f"/v1/calls?{urlencode({'from_number': number})}").json()
    assert len(own["calls"]) == 1
