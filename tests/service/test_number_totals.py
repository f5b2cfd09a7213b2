"""Numbers that many calls have: their totals are counted once, and exact ever after."""

from __future__ import annotations

import time

import pytest
from msgspec import structs

from tests.conftest import MAX_WAIT_SECONDS, World
from tests.vendors.conftest import some_calls
from trunkline.jobs.number_totals import number_total_kind
from trunkline.model.ids import call_id
from trunkline.model.intents import ListCalls
from trunkline.model.query import CallFilter, Order, Rows, Wording
from trunkline.service import number_totals as numbers_module
from trunkline.service.calls import Calls
from trunkline.service.clock import system_clock
from trunkline.service.number_totals import NumberTotals
from trunkline.store.calls.chunked_reader import ChunkedReader
from trunkline.store.calls.reads import CallStore
from trunkline.store.jobs import Begun, JobRef, JobStore
from trunkline.store.queries import queries
from trunkline.store.totals import number_totals as number_store
from trunkline.store.totals.number_totals import NUMBER_TOTAL, NumberTotalStore
from trunkline.store.totals.totals import differences
from trunkline.vendors import dialects

LINE = "+12025550100"
ASKED = CallFilter(to_number=LINE)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers_module, "MANY_CALLS", 10)


@pytest.fixture
def numbers(world: World) -> NumberTotals:
    return NumberTotals(JobStore(world.joined.pool), system_clock)


def write(world: World, count: int, first: int = 0) -> None:
    (call,) = some_calls("trunkline", 1)
    some = [
        structs.replace(
            call, id=call_id("lines", str(one)), vendor="lines", vendor_call_id=str(one), to_number=LINE
        )
        for one in range(first, first + count)
    ]
    world.take(some)


def total(world: World, numbers: NumberTotals, asked: CallFilter = ASKED) -> int | None:
    pool = world.joined.pool
    calls = Calls(CallStore(pool), ChunkedReader(pool), number_totals=numbers)
    intent = ListCalls(filter=asked, order=Order(), window=Rows(5), with_total=True, with_transcript=False)
    return world.run(calls.page(world.org, intent, dialects()["trunkline"].ids)).total


def settle(world: World, numbers: NumberTotals) -> None:
    """Wait until the server has run the recorded jobs."""
    world.run(numbers.close())
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while world.run(world.joined.jobs.listed(world.org.id, NUMBER_TOTAL, None, 10)):
        assert time.monotonic() < deadline


def summed(world: World) -> list[tuple[str, bool]]:
    sql = "SELECT number, counted FROM number_totals WHERE org_id = $1 ORDER BY number"
    return [(row["number"], row["counted"]) for row in world.run(world.joined.pool.fetch(sql, world.org.id))]


def test_a_number_that_was_counted_is_summed_up_and_stays_exact(world: World, numbers: NumberTotals) -> None:
    write(world, 12)
    assert total(world, numbers) == 12
    settle(world, numbers)
    assert summed(world) == [(LINE, True)]
    assert total(world, numbers) == 12
    write(world, 5, first=12)
    assert total(world, numbers) == 17
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_what_is_written_between_noting_and_counting_is_there_once(
    world: World, numbers: NumberTotals
) -> None:
    pool = world.joined.pool
    write(world, 12)
    world.run(pool.execute(queries("totals")["note_number"], world.org.id, LINE, 10))
    write(world, 5, first=12)
    for gone in (0, 13):
        assert world.run(world.joined.writer.delete(world.org.id, call_id("lines", str(gone))))
    assert world.run(differences(pool, world.org.id)) == []
    assert total(world, numbers) == 15
    assert world.run(NumberTotalStore(pool).sum_up(world.org.id, LINE))
    assert total(world, numbers) == 15
    assert world.run(differences(pool, world.org.id)) == []


def test_what_is_summed_up_is_what_the_total_is_read_from(world: World, numbers: NumberTotals) -> None:
    write(world, 12)
    world.run(NumberTotalStore(world.joined.pool).sum_up(world.org.id, LINE))
    spoil = "UPDATE call_totals SET n = n + 1 WHERE org_id = $1 AND value = $2"
    world.run(world.joined.pool.execute(spoil, world.org.id, f"to_number:{LINE}"))
    assert total(world, numbers) == 13
    assert {one.value for one in world.run(differences(world.joined.pool, world.org.id))} == {
        f"to_number:{LINE}"
    }


def test_numbers_of_few_calls_and_other_questions_are_counted(world: World, numbers: NumberTotals) -> None:
    write(world, 9)
    assert total(world, numbers) == 9
    write(world, 20, first=9)
    narrower = structs.replace(ASKED, status=Wording(frozenset({"completed", "in_progress", "busy"})))
    assert total(world, numbers, narrower) is not None
    assert total(world, numbers, CallFilter()) == 29
    world.run(numbers.close())
    assert numbers.noted == frozenset()
    assert total(world, numbers) == 29
    assert total(world, numbers) == 29
    assert numbers.noted == {(world.org.id, LINE)}


def test_an_org_may_have_so_many_and_the_rest_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(number_store, "MAX_NUMBERS", 0)
    pool = world.joined.pool
    write(world, 12)
    ref = JobRef(world.org.id, NUMBER_TOTAL, LINE, 1)
    job = Begun(ref=ref, org_name=world.name, attempts=1, schedule=None, died=False)
    world.run(number_total_kind(pool).run(job))
    assert summed(world) == []
    assert total(world, NumberTotals(JobStore(pool), system_clock)) == 12
