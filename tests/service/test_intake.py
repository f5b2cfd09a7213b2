"""Intake against a real database: every call once, however many writers report it, and however often."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.conftest import World
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id, derived_call_id
from trunkline.model.intents import GetCall, ListCalls, ListChanges
from trunkline.model.query import CallFilter, Rows
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Status
from trunkline.service.intake import IngestSummary, Intake
from trunkline.service.received import Provenance, Received, State
from trunkline.store.calls.rows import PendingCall
from trunkline.store.changes import ChangeStore
from trunkline.store.totals.totals import differences
from trunkline.vendors import dialects

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sighting(vendor_call_id: str, vendor: str = "elsewhere", **said: Any) -> Sighting:
    return Sighting(vendor=vendor, vendor_call_id=vendor_call_id, created_at=NOON, **said)


def seen(names: Sequence[str]) -> list[Received]:
    return [Received(sighting(name), f'{{"payload": "{name}"}}'.encode()) for name in names]


def calls_of(world: World) -> list[Call]:
    intent = ListCalls(filter=CallFilter(), window=Rows(1000), with_transcript=True)
    return world.run(world.joined.run(world.org, intent)).read()


def found(world: World, dialect: str, printed_id: str) -> Call:
    ids = dialects()[dialect].ids
    return world.run(world.joined.run(world.org, GetCall(printed_id=printed_id), ids)).call


def count(world: World, table: str) -> int:
    number: int = world.run(
        world.joined.pool.fetchval(f"SELECT count(*) FROM {table} WHERE org_id = $1", world.org.id)
    )
    return number


# -- every call once ------------------------------------------------------


def test_taking_the_same_batch_again_changes_nothing(world: World) -> None:
    batch = seen("abc")
    take = world.joined.intake.ingest
    assert world.run(take(world.org, batch, "test")) == IngestSummary(stored=3)
    before = calls_of(world)
    assert world.run(take(world.org, batch, "test")) == IngestSummary(unchanged=3)
    assert calls_of(world) == before
    assert (count(world, "calls"), count(world, "sightings")) == (3, 3)


def test_an_empty_batch_is_accepted_and_changes_nothing(world: World) -> None:
    assert world.run(world.joined.intake.ingest(world.org, [], "test")) == IngestSummary()


def test_a_call_that_is_in_a_batch_several_times_is_one_call(world: World) -> None:
    later = sighting("a", status=Status.COMPLETED, duration_ms=5000)
    batch = [sighting("a"), sighting("b"), sighting("a"), later, later]
    assert world.see(batch) == IngestSummary(stored=3, unchanged=2)
    assert sorted((call.vendor_call_id, call.duration_ms) for call in calls_of(world)) == [
        ("a", 5000),
        ("b", None),
    ]


def test_two_payloads_of_one_call_are_both_stored(world: World) -> None:
    batch = [Received(sighting("a"), b"1"), Received(sighting("a"), b"2"), Received(sighting("a"), b"1")]
    assert world.run(world.joined.intake.ingest(world.org, batch, "test")) == IngestSummary(
        stored=1, unchanged=2
    )
    assert count(world, "sightings") == 2


def test_the_same_call_may_be_in_two_orgs(new_world: Callable[..., World]) -> None:
    one, other = new_world(), new_world()
    name = str(uuid.uuid4())
    for world in (one, other):
        assert world.see([sighting(name)]) == IngestSummary(stored=1)
    assert calls_of(one) == calls_of(other)


def test_a_big_batch_in_which_some_calls_are_known_is_stored_like_a_small_one(world: World) -> None:
    names = [f"call-{number}" for number in range(120)]
    assert world.see([sighting(name) for name in names[40:50]]) == IngestSummary(stored=10)
    later = [sighting(name, status=Status.COMPLETED, duration_ms=5000) for name in names[45:]]
    assert world.see([sighting(name) for name in names[:45]] + later) == IngestSummary(
        stored=115, unchanged=5
    )
    stored = {call.vendor_call_id: call.duration_ms for call in calls_of(world)}
    assert stored == {name: None if number < 45 else 5000 for number, name in enumerate(names)}
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_of_a_big_batch_of_new_calls_that_want_one_id_all_are_stored(world: World) -> None:
    wanted, names = str(uuid.uuid4()), [f"call-{number}" for number in range(70)]
    batch = [sighting(name, id=wanted) if number < 3 else sighting(name) for number, name in enumerate(names)]
    assert world.see(batch) == IngestSummary(stored=70)
    stored = [call.id for call in calls_of(world)]
    assert wanted in stored
    assert len(set(stored)) == 70
    assert world.run(differences(world.joined.pool, world.org.id)) == []


# -- what only confirms ---------------------------------------------------


def at(minutes: int, **said: Any) -> Received:
    as_of = NOON + timedelta(minutes=minutes)
    return Received(sighting("a", as_of=as_of, **said), f"{minutes} {said}".encode())


def row(world: World) -> asyncpg.Record:
    sql = "SELECT change, revision, has_unstored_facts, versions, body FROM calls WHERE org_id = $1"
    return world.run(world.joined.pool.fetchrow(sql, world.org.id))


def test_of_three_deliveries_the_latest_decides_in_whatever_order_they_come(
    new_world: Callable[..., World],
) -> None:
    ended = [at(1, end_reason=EndReason.AGENT_HANGUP), at(2, end_reason=EndReason.USER_HANGUP)]
    for order in itertools.permutations([*ended, at(3, end_reason=EndReason.AGENT_HANGUP)]):
        world = new_world()
        for one in order:
            world.run(world.joined.intake.ingest(world.org, [one], "test"))
        (call,) = calls_of(world)
        assert call.end_reason is EndReason.AGENT_HANGUP


def test_a_confirmation_is_written_without_a_sequence_number(world: World) -> None:
    take = world.joined.intake.ingest_each
    world.run(take(world.org, [at(1, duration_ms=5000)]))
    before, reach = row(world), world.run(ChangeStore(world.joined.pool).head(world.org.id))
    (result,) = world.run(take(world.org, [at(3, duration_ms=5000)]))
    assert result.state is State.UNCHANGED
    after = row(world)
    assert (after["change"], after["body"]) == (before["change"], before["body"])
    assert after["revision"] == before["revision"] + 1
    assert after["versions"] != before["versions"]
    assert not after["has_unstored_facts"]
    page = world.run(world.joined.run(world.org, ListChanges(filter=CallFilter(), after=reach)))
    assert (list(page.changes), page.has_more) == ([], False)
    assert world.run(take(world.org, [at(2, duration_ms=4000)]))[0].state is State.UNCHANGED
    assert world.run(take(world.org, [at(4, duration_ms=4000)]))[0].state is State.CHANGED
    page = world.run(world.joined.run(world.org, ListChanges(filter=CallFilter(), after=reach)))
    assert [change.call.duration_ms for change in page.changes if change.call] == [4000]
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_a_confirmation_without_a_payload_is_noted_as_that(world: World) -> None:
    take = world.joined.intake.ingest_each
    world.run(take(world.org, [at(1, duration_ms=5000)]))
    world.run(take(world.org, [Received(at(1, duration_ms=5000).sighting)]))
    assert not row(world)["has_unstored_facts"]
    world.run(take(world.org, [Received(at(2, duration_ms=5000).sighting)]))
    assert row(world)["has_unstored_facts"]


def test_a_confirmation_of_what_is_not_the_call_any_more_is_not_written(world: World) -> None:
    async def confirm_twice() -> None:
        async with world.joined.writer.transaction(world.org.id, 1) as writing:
            known = (await writing.current([("elsewhere", "a")])).stored["elsewhere", "a"]
            pending = PendingCall(known.call, {"*": 7}, known.revision)
            await writing.confirm([pending])
            await writing.confirm([pending])

    world.see([sighting("a")])
    before = row(world)
    with pytest.raises(RuntimeError, match="without reserved sequence numbers"):
        world.run(confirm_twice())
    assert row(world) == before


@pytest.mark.parametrize(("kind", "duration_ms"), [("hook", 2000), ("call", 1000)])
def test_a_delivery_that_comes_again_is_as_old_as_it_was_and_an_answer_is_new(
    world: World, kind: str, duration_ms: int
) -> None:
    now = NOON
    intake = Intake(world.joined.writer, lambda: now)
    for minutes, said in enumerate([1000, 2000, 1000]):
        now = NOON + timedelta(minutes=minutes)
        one = Received(sighting("a", duration_ms=said), str(said).encode(), Provenance(kind=kind))
        world.run(intake.ingest(world.org, [one], "test"))
    (call,) = calls_of(world)
    assert call.duration_ms == duration_ms


# -- canonical ids --------------------------------------------------------


def test_a_given_id_is_stored_and_an_id_that_another_call_has_is_replaced_by_a_derived_one(
    world: World,
) -> None:
    wanted = str(uuid.uuid4())
    assert world.see([sighting("a", id=wanted)]) == IngestSummary(stored=1)
    assert world.see([sighting("b", id=wanted), sighting("c")]) == IngestSummary(stored=2)
    assert {call.vendor_call_id: call.id for call in calls_of(world)} == {
        "a": wanted,
        "b": derived_call_id("elsewhere", "b"),
        "c": call_id("elsewhere", "c"),
    }
    assert world.see([sighting("b", id=wanted)]) == IngestSummary(unchanged=1)


def test_of_two_new_calls_in_one_batch_that_want_one_id_both_are_stored(world: World) -> None:
    wanted = str(uuid.uuid4())
    assert world.see([sighting(name, id=wanted) for name in "abc"]) == IngestSummary(stored=3)
    stored = [call.id for call in calls_of(world)]
    assert wanted in stored
    assert len(set(stored)) == 3


def test_a_known_call_keeps_its_id_whatever_is_stated_later(world: World) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    world.see([sighting("a", id=first)])
    assert world.see([sighting("a", id=second)]) == IngestSummary(unchanged=1)
    assert [call.id for call in calls_of(world)] == [first]


def test_calls_of_two_vendors_with_one_and_the_same_id_are_both_found_by_their_own_vendor(
    world: World,
) -> None:
    name = str(uuid.uuid4())
    world.see([sighting(name, "contactship")])
    world.see([sighting(name, "zudu")])
    for vendor in ("contactship", "zudu"):
        assert found(world, vendor, name).vendor == vendor
    assert found(world, "trunkline", name).vendor == "contactship"


# -- several writers ------------------------------------------------------


def test_writers_that_take_the_same_calls_in_any_order_neither_lock_each_other_out_nor_count_twice(
    world: World,
) -> None:
    names = [f"call-{n}" for n in range(150)]

    async def take_shuffled(seed: int) -> IngestSummary:
        batch = seen(names) + [Received(sighting(name), b'{"another": "payload"}') for name in names]
        random.Random(seed).shuffle(batch)
        return await world.joined.intake.ingest(world.org, batch, "test")

    async def all_at_once() -> list[IngestSummary]:
        return list(await asyncio.gather(*(take_shuffled(seed) for seed in range(6))))

    summaries = world.run(all_at_once())
    assert sum(one.stored for one in summaries) == len(names)
    assert sum(one.unchanged for one in summaries) == 11 * len(names)
    assert (count(world, "calls"), count(world, "sightings")) == (len(names), 2 * len(names))


def test_writers_that_say_different_things_of_one_call_are_all_heard(world: World) -> None:
    parts: list[dict[str, Any]] = [
        {"duration_ms": 1000},
        {"status": Status.COMPLETED},
        {"trace_id": "t"},
        {"log_url": "u"},
        {"billing_status": "b"},
    ]

    async def all_at_once() -> None:
        take = world.joined.intake.ingest
        await asyncio.gather(
            *(take(world.org, [Received(sighting("a", **part))], "test") for part in parts for _ in range(2))
        )

    world.run(all_at_once())
    (call,) = calls_of(world)
    assert (call.duration_ms, call.status, call.trace_id, call.log_url, call.billing_status) == (
        1000,
        Status.COMPLETED,
        "t",
        "u",
        "b",
    )


def test_a_batch_that_the_database_refuses_leaves_nothing_behind(world: World) -> None:
    batch = [*seen("ab"), Received(sighting("c", from_number="\0"), b"{}")]
    with pytest.raises(asyncpg.PostgresError):
        world.run(world.joined.intake.ingest(world.org, batch, "test"))
    assert [count(world, table) for table in ("calls", "call_transcripts", "sightings")] == [0, 0, 0]


def test_what_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refused:
        found(world, "trunkline", str(uuid.uuid4()))
    assert refused.value.fault is Fault.CALL_NOT_FOUND
