"""Live calls through the store: in any order of arrival the result is that of all sightings and events."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.conftest import World
from tests.model.live_events import BEGIN, events, stored_event
from tests.model.test_live import others
from trunkline.compose import reprocessor
from trunkline.ingest.reprocess import ReprocessSummary
from trunkline.jobs.followers import step_now
from trunkline.jobs.live_transcripts import LIVE_TRANSCRIPT, LiveTranscripts
from trunkline.kit.transcript import is_engaged
from trunkline.model.call import Call, Turn
from trunkline.model.ids import call_id
from trunkline.model.intents import GetCall, ListCalls, ListChanges
from trunkline.model.live import sighting_of_events
from trunkline.model.live_record import combined
from trunkline.model.merge import first_call, merged
from trunkline.model.query import CallFilter, Rows
from trunkline.model.sighting import Sighting
from trunkline.model.words import Result, Role, Status
from trunkline.service.live_events import REST, REST_AFTER_END
from trunkline.service.received import EVENT, STATEMENT, Provenance, Received, State
from trunkline.service.received import Result as Outcome
from trunkline.store.calls.rows import searchable
from trunkline.store.jobs import Begun, JobRef
from trunkline.store.live import LiveStore, LiveUpdate, LiveWriting
from trunkline.store.queries import queries
from trunkline.store.totals.totals import differences

LATE = datetime(2100, 1, 1, tzinfo=UTC)
"""When every live call has rested."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class OneLiveCall:
    """A call with a record of everything that is reported of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = ("ours", uuid.uuid4().hex)
        self.id = call_id(*self.key)
        self.sightings: list[Sighting] = []
        self.events: list[bytes] = []

    def add_sightings(self, *sightings: Sighting) -> list[Outcome]:
        return self.take([], sightings)

    def report(self, *raws: bytes) -> list[Outcome]:
        return self.take(raws, [])

    def take(self, raws: Sequence[bytes], sightings: Sequence[Sighting]) -> list[Outcome]:
        named = Sighting(vendor=self.key[0], vendor_call_id=self.key[1])
        own = [structs.replace(one, vendor=self.key[0], vendor_call_id=self.key[1]) for one in sightings]
        self.sightings += own
        self.events += raws
        batch = [
            *(Received(one, _encode(one), Provenance(kind=STATEMENT)) for one in own),
            *(Received(named, raw, Provenance(kind=EVENT)) for raw in raws),
        ]
        return self.world.run(self.world.joined.intake.ingest_each(self.world.org, batch))

    def rest(self) -> None:
        """Assemble the transcript, as is done when nothing more is reported."""
        store = LiveStore(self.world.joined.pool)
        self.world.run(store.settle(self.world.org.id, UUID(self.id), LATE))

    @property
    def expected(self) -> Call:
        """The result of everything reported, each sighting by itself and all events at once."""
        first, *rest = self.sightings
        call, versions = first_call(first, self.id, BEGIN)
        for one in rest:
            call, versions = merged(call, versions, one, BEGIN)
        return combined(call, versions, sighting_of_events(*self.key, self.events))[0]

    @property
    def found(self) -> Call:
        asked = GetCall(printed_id=self.id, with_transcript=True)
        return self.world.run(self.world.joined.run(self.world.org, asked)).call

    @property
    def bare(self) -> Call:
        asked = GetCall(printed_id=self.id, with_transcript=False)
        return self.world.run(self.world.joined.run(self.world.org, asked)).call

    def reprocess(self) -> ReprocessSummary:
        joined = self.world.joined
        return self.world.run(reprocessor(joined).run(self.world.org))

    def rows(self, table: str) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE org_id = $1 AND call_id = $2"
        count: int = self.world.run(self.world.joined.pool.fetchval(sql, self.world.org.id, UUID(self.id)))
        return count


def begun(world: World, **said: Any) -> OneLiveCall:
    one = OneLiveCall(world)
    one.add_sightings(Sighting(vendor="", vendor_call_id="", created_at=BEGIN, as_of=BEGIN, **said))
    return one


def printed(call: Call) -> bytes:
    return _encode(call)


def at(second: float, kind: str, **said: Any) -> bytes:
    return stored_event({"type": kind, "at": (BEGIN + timedelta(seconds=second)).isoformat(), **said})


def turn(number: int, **said: Any) -> bytes:
    return at(number, "turn", id=f"e-{number}", role="user", text=f"Turn {number}.", **said)


steps = st.one_of(
    st.tuples(st.just("tell"), st.lists(events, min_size=1, max_size=4)),
    st.tuples(st.just("tell"), st.lists(events, min_size=1, max_size=4)),
    st.tuples(st.just("say"), others),
    st.tuples(st.just("both"), st.tuples(st.lists(events, min_size=1, max_size=3), others)),
    st.tuples(st.just("again"), st.none()),
    st.tuples(st.just("rest"), st.none()),
)


THROUGH_THE_STORE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what is found is short enough to be read
)


@settings(THROUGH_THE_STORE, max_examples=60)
@given(begin=others, steps=st.lists(steps, min_size=1, max_size=9))
def test_a_live_call_is_what_all_its_reports_say(
    world: World, begin: Sighting, steps: list[tuple[str, Any]]
) -> None:
    one = OneLiveCall(world)
    one.add_sightings(begin)
    for step, said in steps:
        before, change = one.found, change_of(one)
        match step:
            case "tell":
                results = one.report(*said)
            case "say":
                results = one.add_sightings(said)
            case "both":
                results = one.take(said[0], [said[1]])
            case "again":
                results = one.report(*one.events[-3:])
                assert all(result.state is State.UNCHANGED for result in results)
            case "rest":
                results = []
                one.rest()
        found = one.found
        assert printed(found) == printed(one.expected)
        assert one.bare.turn_count == found.turn_count
        assert engaged(one) is is_engaged(found)
        is_changed = any(result.state is State.CHANGED for result in results)
        assert is_changed or found == before
        assert (change_of(one) > change) is is_changed, "followers see each change and nothing else"
    before_reprocessing = one.found
    assert one.reprocess().changed == 0
    assert printed(one.found) == printed(before_reprocessing)


def engaged(one: OneLiveCall) -> bool:
    sql = "SELECT engaged FROM calls WHERE org_id = $1 AND id = $2"
    return bool(one.world.run(one.world.joined.pool.fetchval(sql, one.world.org.id, UUID(one.id))))


def change_of(one: OneLiveCall) -> int:
    sql = "SELECT change FROM calls WHERE org_id = $1 AND id = $2"
    change: int = one.world.run(one.world.joined.pool.fetchval(sql, one.world.org.id, UUID(one.id)))
    return change


# -- how they are stored --------------------------------------------------


def stored(one: OneLiveCall) -> dict[str, Any]:
    """Where the transcript is stored."""
    pool, ids = one.world.joined.pool, (one.world.org.id, UUID(one.id))
    transcript = one.world.run(
        pool.fetchrow("SELECT live, search FROM call_transcripts WHERE org_id = $1 AND call_id = $2", *ids)
    )
    return {
        "live": transcript and transcript["live"],
        "search": transcript and transcript["search"],
        **{table: one.rows(table) for table in ("live_slots", "search_backlog", "call_terms")},
    }


def test_the_conversation_is_in_slots_while_the_call_is_live_and_is_assembled_once(
    world: World,
) -> None:
    one = begun(world, status=Status.IN_PROGRESS)
    one.report(*(turn(number) for number in range(3)), at(4, "tool_call", id="t", name="find", result=1))
    assert stored(one) == {
        "live": 3,
        "search": "\n",
        "live_slots": 3 + 3 + 1,
        "search_backlog": 0,
        "call_terms": 0,
    }
    live = one.found
    assert change_of(one) == 2
    one.rest()
    assert stored(one) == {
        "live": 0,
        "search": ": turn 0.\n: turn 1.\n: turn 2.\n",
        "live_slots": 0,
        "search_backlog": 0,
        "call_terms": 1,
    }
    assert printed(one.found) == printed(live)
    assert change_of(one) == 2, "nothing changed for those who follow"
    one.report(turn(9))
    assert stored(one)["live"] == 3
    assert stored(one)["live_slots"] == 4 + 4 + 1
    assert stored(one)["search_backlog"] == 0
    assert printed(one.found) == printed(one.expected)


def test_what_is_reported_after_the_end_is_reported_in_time(world: World) -> None:
    one = begun(world, status=Status.IN_PROGRESS)
    one.report(turn(1), at(5, "end", result="answered", duration_ms=5000))
    one.rest()
    for late in (turn(2), at(3, "latency", latency={"e2e": 700}), turn(0), at(4, "status", status="ringing")):
        one.report(late)
        assert printed(one.found) == printed(one.expected)
    assert [one.text for one in one.found.turns] == ["Turn 0.", "Turn 1.", "Turn 2."]  # type: ignore[union-attr]
    assert one.found.status is Status.COMPLETED
    assert one.reprocess().changed == 0


@pytest.mark.parametrize("rests", [False, True])
def test_a_full_payload_and_events_after_it_are_merged_as_if_they_had_come_the_other_way(
    world: World, rests: bool
) -> None:
    full = Sighting(
        vendor="",
        vendor_call_id="",
        as_of=BEGIN + timedelta(seconds=20),
        status=Status.COMPLETED,
        turns=[],
        transcript_text="The whole of it.",
        metadata={"kind": "full"},
    )
    spoken = structs.replace(full, turns=[Turn(Role.AGENT, "Told by the vendor.")])
    for said in (full, spoken):
        for later in (5, 30):
            before, after = begun(world), begun(world)
            report_events = [turn(1), at(2, "tool_call", id="t", name="find"), turn(later)]
            before.add_sightings(said)
            for raw in report_events:
                before.report(raw)
                if rests:
                    before.rest()
            for raw in report_events:
                after.report(raw)
            if rests:
                after.rest()
            after.add_sightings(said)
            for one in (before, after):
                assert printed(one.found) == printed(one.expected)
                assert one.found.transcript_text == "The whole of it."
            names = {"id": "", "vendor_call_id": ""}
            assert structs.replace(before.found, **names) == structs.replace(after.found, **names)
            assert before.reprocess().changed == 0
            later_wins = later == 30 or said is full
            assert (before.found.turn_count == 2) is later_wins


def test_calls_whose_events_were_folded_before_slots_were_held_are_continued_as_they_are(
    world: World,
) -> None:
    """As an earlier version left them: events in the call, and no slots."""
    one = begun(world, status=Status.RINGING, result=Result.ANSWERED)
    one.report(turn(1), turn(2), at(3, "status", status="in_progress"), at(3, "latency", latency={"e2e": 1}))
    one.rest()
    pool = world.joined.pool
    for table in ("live_calls", "live_slots"):
        world.run(pool.execute(f"DELETE FROM {table} WHERE org_id = $1", world.org.id))
    assert one.reprocess().changed == 0
    world.run(pool.execute("DELETE FROM live_calls WHERE org_id = $1", world.org.id))
    # A late partial turn has less, and must count all the same.
    one.report(at(2.5, "turn", turn="x", role="user", text="More."), turn(1))
    assert printed(one.found) == printed(one.expected)
    one.report(at(1.5, "turn", turn="x", role="user", text="No."), turn(4))
    assert printed(one.found) == printed(one.expected)
    assert one.reprocess().changed == 0


def test_a_call_that_is_deleted_while_it_is_live_leaves_nothing_and_stays_out(world: World) -> None:
    one = begun(world, status=Status.IN_PROGRESS)
    one.report(turn(1), turn(2))
    assert world.run(world.joined.writer.delete(world.org.id, one.id))
    assert [result.state for result in one.report(turn(3))] == [State.DELETED]
    for table in ("live_calls", "live_slots", "call_transcripts", "search_backlog", "call_terms"):
        assert one.rows(table) == 0, table
    store = LiveStore(world.joined.pool)
    assert not world.run(store.settle(world.org.id, UUID(one.id), LATE))
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_a_call_that_is_written_while_its_transcript_is_put_together_stays_live(world: World) -> None:
    one = begun(world, status=Status.IN_PROGRESS)
    one.report(turn(1))
    store = LiveStore(world.joined.pool)

    async def both() -> list[bool]:
        named = Sighting(vendor=one.key[0], vendor_call_id=one.key[1])
        settling = asyncio.create_task(store.settle(world.org.id, UUID(one.id), LATE))
        settled = [await settling]
        for number in range(2, 12):
            raw = turn(number)
            one.events.append(raw)
            settling = asyncio.create_task(store.settle(world.org.id, UUID(one.id), LATE))
            seen = [Received(named, raw, Provenance(kind=EVENT))]
            await world.joined.intake.ingest_each(world.org, seen)
            settled.append(await settling)
        return settled

    world.run(both())
    assert printed(one.found) == printed(one.expected)
    one.rest()
    assert printed(one.found) == printed(one.expected)
    assert one.found.turn_count == 11


def test_whatever_rests_is_put_together_by_a_job_of_its_own(world: World) -> None:
    good, bad = begun(world), begun(world)
    for one in (bad, good):
        one.report(turn(1))
    pool, org_id = world.joined.pool, world.org.id
    spoil = "UPDATE live_slots SET events = '{}' WHERE org_id = $1 AND call_id = $2 AND kind = 1"
    world.run(pool.execute(spoil, org_id, UUID(bad.id)))
    transcripts = LiveTranscripts(LiveStore(pool), lambda: LATE)
    while world.run(step_now(pool, org_id, transcripts.follower)):
        pass
    noted = world.run(
        pool.fetch("SELECT key FROM jobs WHERE org_id = $1 AND kind = $2", org_id, LIVE_TRANSCRIPT)
    )
    assert {row["key"] for row in noted} == {good.id, bad.id}
    for one in (good, bad):
        job = Begun(
            ref=JobRef(org_id, LIVE_TRANSCRIPT, one.id, 1), org_name="", attempts=1, schedule=None, died=False
        )
        with suppress(ValueError):
            world.run(transcripts.kind.run(job))
    assert (stored(good)["live"], stored(good)["live_slots"]) == (0, 0)
    assert (stored(good)["search_backlog"], stored(good)["call_terms"]) == (0, 1)
    assert stored(bad)["live"] == 1


def test_a_call_rests_soon_after_its_end_and_after_a_while_else(world: World) -> None:
    one = begun(world, status=Status.IN_PROGRESS)
    waits = []
    for raw in (turn(1), at(3, "end")):
        one.report(raw)
        sql = "SELECT extract(epoch FROM due_at - now()) FROM live_calls WHERE org_id = $1 AND call_id = $2"
        waits.append(float(world.run(world.joined.pool.fetchval(sql, world.org.id, UUID(one.id)))))
    assert REST_AFTER_END.total_seconds() < waits[0] <= REST.total_seconds()
    assert waits[1] <= REST_AFTER_END.total_seconds()


# -- what is searched -----------------------------------------------------


def matching(world: World, text: str) -> set[str]:
    filtered = CallFilter(transcript_text=text)
    intent = ListCalls(filter=filtered, window=Rows(100), with_transcript=False, with_total=True)
    page = world.run(world.joined.run(world.org, intent))
    found = {call.id for call in page.read()}
    assert page.total == len(page.calls)
    changes = world.run(world.joined.run(world.org, ListChanges(filter=filtered, after=0)))
    assert {change.id for change in changes.changes} == found
    return found


@settings(THROUGH_THE_STORE, max_examples=25)
@given(
    report_events=st.lists(events, min_size=1, max_size=8),
    text=st.sampled_from([None, "In the vendor's words."]),
)
def test_a_live_call_is_found_by_what_is_said_in_it_as_it_will_be_when_it_rests(
    world: World, report_events: list[bytes], text: str | None
) -> None:
    one = begun(world, transcript_text=text)
    one.report(*report_events)
    whole = searchable(one.found)
    pieces = {whole[place : place + length] for place in range(len(whole)) for length in (3, 9)}
    pieces |= {line for line in whole.split("\n") if line} | {whole, "said by nobody"}
    some = sorted(piece for piece in pieces if piece)[:: max(1, len(pieces) // 8)]
    for _ in range(2):
        for piece in some:
            assert (one.id in matching(world, piece)) is (piece in whole)
        one.rest()


# -- what an event costs --------------------------------------------------


FEW = 20
"""Rows that make no difference beside ten thousand."""


class Cost(NamedTuple):
    """What one transaction did: its statements, the rows that came back, and those that the tables gave."""

    statements: list[str]
    rows: int
    size: int
    touched: int


TOUCHED = """
    SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint
    FROM pg_stat_xact_user_tables WHERE relname <> 'call_totals'
"""
"""Rows that this connection's statements read, except in the totals, whose rows are per hour."""


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    """The cost of each batch that is stored."""
    found: list[Cost] = []
    statements: list[tuple[str, int, int]] = []
    touched_before: list[int] = []
    execute, write = asyncpg.Connection._execute, LiveWriting.write

    async def touched(connection: asyncpg.Connection) -> int:
        rows = await execute(connection, TOUCHED, (), 0, None)
        return int(rows[0][0])

    async def spied_execute(self: Any, query: str, *args: Any, **options: Any) -> Any:
        if query == queries("writes")["reserve_sequence"]:
            statements.clear()
            touched_before[:] = [await touched(self)]
        result = await execute(self, query, *args, **options)
        rows = result[0] if isinstance(result, tuple) else result
        size = sum(len(value) for row in rows for value in row.values() if isinstance(value, str | bytes))
        statements.append((query, len(rows), size))
        return result

    async def spied_write(self: LiveWriting, updates: Sequence[LiveUpdate]) -> None:
        await write(self, updates)
        names, rows, sizes = zip(*statements, strict=True)
        met = await touched(self._connection) - touched_before[0]
        found.append(Cost(list(names), sum(rows), sum(sizes), met))

    monkeypatch.setattr(asyncpg.Connection, "_execute", spied_execute)
    monkeypatch.setattr(LiveWriting, "write", spied_write)
    return found


def test_the_ten_thousandth_event_reads_and_writes_what_the_tenth_did(
    world: World, costs: list[Cost]
) -> None:
    """Events reported over HTTP; the measured ones are reported here, where statements can be observed."""
    one = begun(world, status=Status.IN_PROGRESS)
    path = f"/trunkline/v1/calls/{one.id}/events"

    def report_events(first: int, last: int) -> None:
        batch = [msgspec.json.decode(turn(number)) for number in range(first, last)]
        answer = world.request("POST", path, json=batch, headers=world.headers["trunkline"])
        assert answer.status_code == 200, answer.text
        assert (answer.json()["accepted"], answer.json()["refused"]) == (last - first, [])

    def cost_of(*raws: bytes) -> Cost:
        # Other tests fill these tables faster than they are analyzed, and an unknown table may be read whole.
        world.run(world.joined.pool.execute("ANALYZE calls, call_transcripts, live_calls, live_slots"))
        costs.clear()
        one.report(*raws)
        return costs[-1]

    report_events(0, 10)
    kinds: dict[str, Callable[[int], bytes]] = {
        "turn": turn,
        "partial turn": lambda n: at(n, "partial_turn", turn=f"name {n}", role="agent", text="Well"),
        "tool call": lambda n: at(n, "tool_call", id=f"tool {n}", name="find"),
        "latency": lambda n: at(n, "latency", latency={"e2e": n}),
    }
    one.report(*(make(number) for make in kinds.values() for number in (10_000, 10_001)))
    early = {name: cost_of(make(20_000 + place)) for place, (name, make) in enumerate(kinds.items())}
    for first in range(10, 10_000, 999):
        report_events(first, min(first + 999, 10_000))
    late = {name: cost_of(make(30_000 + place)) for place, (name, make) in enumerate(kinds.items())}
    for name in kinds:
        assert late[name].statements == early[name].statements
        assert late[name].rows == early[name].rows
        assert late[name].touched <= early[name].touched + FEW  # row versions that are not vacuumed yet
        assert late[name].size <= early[name].size + 20
    assert one.bare.turn_count == 10_000 + 2 * 4
    assert one.reprocess().changed == 0


def test_events_of_many_calls_in_one_batch_take_as_many_statements_as_those_of_one(
    world: World, costs: list[Cost]
) -> None:
    some = [begun(world, status=Status.IN_PROGRESS) for _ in range(12)]
    for one in some:
        one.report(turn(1))

    def take(calls: Sequence[OneLiveCall], number: int) -> Cost:
        costs.clear()
        batch = [
            Received(
                Sighting(vendor=one.key[0], vendor_call_id=one.key[1]), turn(number), Provenance(kind=EVENT)
            )
            for one in calls
        ]
        for one in calls:
            one.events.append(turn(number))
        world.run(world.joined.intake.ingest_each(world.org, batch))
        return costs[-1]

    assert take(some[:1], 2).statements == take(some, 3).statements
    for one in some:
        assert printed(one.found) == printed(one.expected)
    assert world.run(differences(world.joined.pool, world.org.id)) == []
