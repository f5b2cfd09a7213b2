"""Following pages returns every call once, whatever their size, equal instants included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import World
from tests.vendors.conftest import START, some_calls
from tests.vendors.walks import WALKS, listed, pages
from trunkline.vendors import dialects

EVERY = sorted(WALKS)


def test_every_dialect_has_its_paging() -> None:
    assert set(WALKS) == set(dialects())


@pytest.mark.parametrize("dialect", EVERY)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_following_pages_of_any_size_returns_every_call_once(
    dialect: str, crowd: World, data: st.DataObject
) -> None:
    size = data.draw(st.integers(7, min(300, WALKS[dialect].largest)))
    expected = [WALKS[dialect].id_of(row) for row in listed(crowd, dialect)]
    met = [call_id for page in pages(crowd, dialect, size) for call_id in page]
    assert met == expected
    assert len(set(met)) == len(met)


def test_every_dialect_lists_every_call(crowd: World) -> None:
    sizes = {dialect: len(listed(crowd, dialect)) for dialect in EVERY}
    assert len(set(sizes.values())) == 1, sizes


@pytest.mark.parametrize("dialect", EVERY)
def test_pages_of_one_call_return_calls_of_one_instant_once(
    dialect: str, new_world: Callable[..., World]
) -> None:
    world = new_world()
    calls = some_calls(dialect, 9)
    for call in calls:
        call.created_at = START
    world.take(calls)
    met = [call_id for page in pages(world, dialect, 1) for call_id in page]
    assert len(met) == 9
    assert len(set(met)) == 9


@pytest.mark.parametrize("dialect", [name for name in EVERY if WALKS[name].by_position])
def test_new_calls_do_not_move_pages_that_begin_after_a_call(
    dialect: str, new_world: Callable[..., World]
) -> None:
    world = new_world()
    old = some_calls(dialect, 12)
    world.take(old)
    before = [WALKS[dialect].id_of(row) for row in listed(world, dialect)]
    newer = some_calls(dialect, 30, seed=1)
    met: list[str] = []
    for page in pages(world, dialect, 5):
        met += page
        for call in newer[:5]:
            call.created_at = START + timedelta(days=2)
        world.take(newer[:5])
        del newer[:5]
    assert met == before


@pytest.mark.parametrize("dialect", [name for name in EVERY if not WALKS[name].by_position])
def test_totals_are_exact_on_every_page_and_beyond_the_end(dialect: str, crowd: World) -> None:
    walk, total = WALKS[dialect], len(listed(crowd, dialect))
    beyond = {"zudu": "page=50&limit=20"}.get(dialect, "offset=100000&limit=20")
    for query in ("", f"{walk.limit}=1", beyond):
        assert walk.total(crowd.get(dialect, f"{walk.path}?{query}").json()) == total


@pytest.mark.parametrize("dialect", EVERY)
def test_every_id_that_is_printed_is_accepted_by_get(dialect: str, crowd: World) -> None:
    walk = WALKS[dialect]
    for row in listed(crowd, dialect):
        answer = crowd.get(dialect, f"{walk.path}/{walk.id_of(row)}")
        assert answer.status_code == 200, walk.id_of(row)
        assert walk.id_of(row) in answer.text


def test_zudus_second_id_is_accepted_by_get(crowd: World) -> None:
    for row in listed(crowd, "zudu"):
        answer = crowd.get("zudu", f"/api/calls/{row['id']}")
        assert answer.json()["data"]["call_id"] == row["call_id"]


@pytest.mark.parametrize("sort_by", ["start_timestamp", "end_timestamp", "call_duration", "created_at"])
@pytest.mark.parametrize("sort_order", ["ascending", "descending"])
def test_zudus_sort_keeps_empty_values_last_on_pages_of_any_size(
    sort_by: str, sort_order: str, crowd: World
) -> None:
    query = f"sort_by={sort_by}&sort_order={sort_order}"
    rows = listed(crowd, "zudu", query)
    met = [call_id for page in pages(crowd, "zudu", 37, query) for call_id in page]
    assert met == [row["call_id"] for row in rows]
    if sort_by in rows[0]:
        values = [row[sort_by] for row in rows]
        filled = [value for value in values if value is not None]
        assert filled == sorted(filled, reverse=sort_order == "descending")
        assert values[: len(filled)] == filled
        assert len(filled) < len(values)
