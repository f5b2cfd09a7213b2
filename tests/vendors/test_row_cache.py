"""Rows that were printed before are used again, as long as their calls are what they were."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.conftest import MAX_WAIT_SECONDS, World
from tests.vendors.conftest import some_calls
from trunkline.api.row_cache import PrintedRow, RowCache
from trunkline.kit.query import read_query
from trunkline.model.call import Call, Turn
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.intents import ListCalls
from trunkline.model.words import Role
from trunkline.vendors import dialects

LISTS = {
    "contactship": "/v1/calls?limit=50",
    "callem": "/v1/calls?limit=50",
    "zudu": "/api/calls?limit=50",
    "butter": "/api/calls?limit=50",
    "trunkline": "/v1/calls?page_size=50",
}
encode = msgspec.json.Encoder(decimal_format="number").encode
printed: list[str] = []


@pytest.fixture(autouse=True)
def nothing_printed() -> None:
    printed.clear()


def note(call: Call, org: str, *asked: str) -> list[Any]:
    printed.append(call.id)
    return [org, *asked, call.from_number, len(call.turns or ())]


def stored(*calls: Call) -> list[EncodedCall]:
    return [EncodedCall.of(call) for call in calls]


def rows(cache: RowCache, calls: Sequence[EncodedCall], org: str = "acme", *asked: str) -> list[Any]:
    def print_row(encoded: EncodedCall) -> PrintedRow:
        return PrintedRow(encoded, encode(note(encoded.call(), org, *asked)))

    return [msgspec.json.decode(row.json) for row in cache.rows((org, asked), calls, print_row)]


CALLS = some_calls("callem", 6)


def test_a_call_that_stayed_the_same_is_printed_once() -> None:
    kept = RowCache(10**6)
    first = rows(kept, stored(*CALLS))
    assert first == [["acme", call.from_number, len(call.turns or ())] for call in CALLS]
    assert printed == [call.id for call in CALLS]
    assert rows(kept, stored(*reversed(CALLS))) == first[::-1]
    assert len(printed) == len(CALLS)


def test_a_call_that_is_dropped_is_nowhere_in_the_cache_and_the_others_stay() -> None:
    kept = RowCache(10**6)
    rows(kept, stored(*CALLS))
    assert CALLS[0].id in repr(vars(kept))
    kept.drop(CALLS[0].id)
    assert CALLS[0].id not in repr(vars(kept))
    rows(kept, stored(*CALLS))
    assert printed == [*(call.id for call in CALLS), CALLS[0].id]


def test_a_call_that_is_deleted_while_its_page_is_printed_is_not_kept() -> None:
    kept = RowCache(10**6)

    def print_row(encoded: EncodedCall) -> PrintedRow:
        if encoded.call().id == CALLS[3].id:
            kept.drop(CALLS[0].id)  # which is printed already
            kept.drop(CALLS[3].id)  # which is being printed
            kept.drop(CALLS[5].id)  # which comes later
        return PrintedRow(encoded, encode(note(encoded.call(), "acme")))

    assert len(kept.rows("form", stored(*CALLS), print_row)) == len(CALLS)
    left = repr(vars(kept))
    assert [call.id in left for call in CALLS] == [False, True, True, False, True, False]


def test_a_page_that_was_read_before_a_call_was_deleted_and_is_printed_after_does_not_keep_it() -> None:
    kept, read = RowCache(10**6), stored(*CALLS)
    kept.drop(CALLS[2].id)
    for _ in range(2):
        assert len(rows(kept, read)) == len(CALLS)
    assert CALLS[2].id not in repr(vars(kept))


def test_a_thread_prints_a_page_while_others_print_and_delete() -> None:
    kept, read = RowCache(10**6), stored(*CALLS)
    begun, go = threading.Event(), threading.Event()

    def print_slowly(encoded: EncodedCall) -> PrintedRow:
        begun.set()
        go.wait(MAX_WAIT_SECONDS)
        return PrintedRow(encoded, encode(note(encoded.call(), "acme")))

    with ThreadPoolExecutor(1) as threads:
        page = threads.submit(kept.rows, ("acme", ()), read, print_slowly)
        assert begun.wait(MAX_WAIT_SECONDS)
        assert len(rows(kept, read)) == len(CALLS)
        kept.drop(CALLS[1].id)
        go.set()
        assert len(page.result(MAX_WAIT_SECONDS)) == len(CALLS)
    assert CALLS[1].id not in repr(vars(kept))
    before = len(printed)
    rows(kept, [one for one in read if CALLS[1].id not in one.summary])
    assert len(printed) == before, "the others are there"


def test_a_call_that_changed_is_printed_anew() -> None:
    kept = RowCache(10**6)
    rows(kept, stored(*CALLS))
    changed = structs.replace(CALLS[0], from_number="+12025550199")
    assert rows(kept, stored(changed))[0][1] == "+12025550199"
    said_more = structs.replace(changed, turns=[Turn(Role.USER, "Hello?")])
    assert rows(kept, stored(said_more))[0][2] == 1
    assert rows(kept, stored(CALLS[0])) == [["acme", CALLS[0].from_number, len(CALLS[0].turns or ())]]
    assert len(printed) == len(CALLS) + 3


def test_another_form_has_its_own_rows() -> None:
    kept, one = RowCache(10**6), stored(CALLS[0])
    assert [rows(kept, one)[0][0], rows(kept, one, "other")[0][0]] == ["acme", "other"]
    assert rows(kept, one, "acme", "words")[0][1] == "words"
    assert len(printed) == 3


def test_what_was_not_requested_is_forgotten_when_the_room_is_full() -> None:
    calls = some_calls("callem", 60)
    size = 500 + max(len(one.summary) + len(one.transcript or b"") + 100 for one in stored(*calls))
    kept = RowCache(20 * size)
    for call in calls[1:]:
        rows(kept, stored(CALLS[0], call))
    assert printed.count(CALLS[0].id) == 1
    assert len(printed) == 60
    rows(kept, stored(*calls[-8:]))
    assert len(printed) == 60
    rows(kept, stored(calls[1]))
    assert len(printed) == 61


def test_a_row_that_would_take_much_of_the_room_is_not_cached() -> None:
    kept = RowCache(4000)
    assert rows(kept, stored(CALLS[0])) == rows(kept, stored(CALLS[0]))
    assert len(printed) == 2


@pytest.mark.parametrize("dialect", sorted(LISTS))
def test_a_list_prints_the_same_the_second_time_and_as_without_cached_rows(
    crowd: World, dialect: str
) -> None:
    spoken = dialects()[dialect]
    operation = spoken.operations[0]
    answers = {crowd.get(dialect, LISTS[dialect]).content for _ in range(2)}
    query, _ = read_query(LISTS[dialect].partition("?")[2].encode(), operation.query)
    intent = operation.to_intent(query, "")
    assert isinstance(intent, ListCalls)
    page = crowd.run(crowd.joined.run(crowd.org, intent, spoken.ids))
    assert len(page.calls) == 50
    assert answers == {encode(operation.answer_of(page, query))}


@pytest.mark.parametrize("dialect", sorted(LISTS))
def test_a_list_shows_a_change_at_once(world: World, dialect: str) -> None:
    call = structs.replace(CALLS[0], duration_ms=61_000, derived=None, verbatim=None)
    world.take([call])
    before = world.get(dialect, LISTS[dialect]).text
    assert world.get(dialect, LISTS[dialect]).text == before
    world.take([structs.replace(call, duration_ms=62_000)])
    after = world.get(dialect, LISTS[dialect]).text
    assert "62" in after
    assert before != after
