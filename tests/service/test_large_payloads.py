"""Long calls are folded in threads and before their transaction, and nobody can tell from the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from tests.conftest import World
from trunkline.model.call import Turn
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role
from trunkline.service import intake as module
from trunkline.service.intake import Intake
from trunkline.service.merge_results import merged_row
from trunkline.service.received import EVENT, HOOK, OWN, Provenance, Received, Result, State
from trunkline.service.threads import WorkThreads
from trunkline.store.calls import current, rows
from trunkline.store.totals.totals import differences

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(name: str = "a", kind: str = OWN, **said: Any) -> Received:
    sighting = Sighting(vendor="elsewhere", vendor_call_id=name, created_at=NOON, **said)
    return Received(sighting, msgspec.json.encode([name, kind, said]), Provenance(kind=kind))


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every payload counts as large."""
    monkeypatch.setattr(module, "INLINE_BYTES", -1)
    monkeypatch.setattr(rows, "INLINE_BYTES", 0)
    monkeypatch.setattr(module, "EARLY_BYTES", -1)
    monkeypatch.setattr(current, "EARLY_BYTES", -1)


class Log:
    """An org, and what is written to it at moments one after another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = NOON
        self.intake = Intake(world.joined.writer, self._clock, WorkThreads())

    def _clock(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def take(self, *batch: Received) -> list[State]:
        return [result.state for result in self.world.run(self.intake.ingest_each(self.world.org, batch))]

    def rows(self) -> list[asyncpg.Record]:
        sql = (
            "SELECT c.vendor_call_id, c.body, c.versions, c.revision,"
            " c.has_unstored_facts, t.body AS transcript, t.search"
            " FROM calls c LEFT JOIN call_transcripts t ON t.org_id = c.org_id AND t.call_id = c.id"
            " WHERE c.org_id = $1 ORDER BY c.vendor_call_id"
        )
        return [tuple(row) for row in self.world.run(self.world.joined.pool.fetch(sql, self.world.org.id))]


@pytest.fixture
def new_log(new_world: Callable[..., World]) -> Callable[[], Log]:
    return lambda: Log(new_world())


STEPS: list[list[Received]] = [
    [seen(duration_ms=1000)],
    [seen(duration_ms=2000), seen("b", log_url="x")],
    [seen(duration_ms=2000)],
    [seen(kind=HOOK, duration_ms=3000)],
    [seen(duration_ms=4000), seen(duration_ms=5000)],
    [seen(kind=HOOK, duration_ms=3000)],
    [seen(duration_ms=2000), seen("b", log_url="y"), seen("c")],
    [seen("b", log_url="x"), seen(duration_ms=9000), seen("c")],
]


def test_the_outcome_is_the_same(
    new_log: Callable[[], Log], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, large = new_log(), new_log()
    expected = [usual.take(*map(copied, step)) for step in STEPS]
    request.getfixturevalue("all_large")
    assert [large.take(*map(copied, step)) for step in STEPS] == expected
    assert large.rows() == usual.rows()
    assert len(usual.rows()) == 3
    assert large.world.run(differences(large.world.joined.pool, large.world.org.id)) == []


def copied(one: Received) -> Received:
    return Received(one.sighting, one.raw, one.provenance)


class Watched(Intake):
    """Takes sightings in, and notes what is folded while no other writer may come in between."""

    def __init__(self, log: Log, between: Callable[[], Awaitable[object]] | None = None) -> None:
        super().__init__(log.world.joined.writer, log._clock, WorkThreads())
        self.early = 0
        self.late = 0
        self._is_early = False
        self._between = between

    async def _fold_early(self, *args: Any) -> Any:
        self._is_early = True
        found = await super()._fold_early(*args)
        self._is_early = False
        if self._between is not None:
            await self._between()
        return found

    def merged_row(self, call_batch: Any) -> Any:
        if self._is_early:
            self.early += 1
        else:
            self.late += 1
        return merged_row(call_batch)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Watched]:
    def watch(log: Log, between: Callable[[], Awaitable[object]] | None = None) -> Watched:
        made = Watched(log, between)
        monkeypatch.setattr(module, "merged_row", made.merged_row)
        return made

    return watch


LONG = [Turn(Role.USER, f"This is turn {number}.") for number in range(6000)]


@pytest.mark.parametrize(
    "then",
    [
        seen(turns=LONG),
        seen(turns=LONG[1:]),
        seen(kind=HOOK, turns=LONG),
        seen(log_url="short, of a long call"),
        seen(metadata={"text": "long" * 80_000}),
    ],
)
def test_a_long_call_is_folded_before_the_transaction_in_which_it_is_written(
    then: Received, new_log: Callable[[], Log], watched: Callable[..., Watched]
) -> None:
    log = new_log()
    intake = watched(log)
    first, again = seen(turns=LONG), copied(then)
    for number, one in enumerate((first, then, again), 1):
        log.world.run(intake.ingest_each(log.world.org, [one]))
        assert (intake.early, intake.late) == (number, 0)
    plain = new_log()
    for one in (first, then, again):
        plain.take(copied(one))
    assert [(body, text) for _, body, _, _, _, text, _ in log.rows()] == [
        (body, text) for _, body, _, _, _, text, _ in plain.rows()
    ]


def test_what_is_short_is_folded_once_and_in_its_transaction(
    new_log: Callable[[], Log], watched: Callable[..., Watched]
) -> None:
    log = new_log()
    intake = watched(log)
    for number, url in enumerate(("x", "y", "y"), 1):
        log.world.run(intake.ingest_each(log.world.org, [seen(log_url=url)]))
        assert (intake.early, intake.late) == (0, number)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_long_call_that_moved_meanwhile_is_folded_again_and_keeps_what_others_said(
    is_known: bool, new_log: Callable[[], Log], watched: Callable[..., Watched]
) -> None:
    log = new_log()
    if is_known:
        log.take(seen(turns=LONG))
    others = iter([{f"key {number}": number} for number in range(100)])
    moved: list[dict[str, int]] = []

    async def move() -> None:
        moved.append(next(others))
        await log.intake.ingest_each(log.world.org, [seen(metadata=moved[-1])])

    intake = watched(log, move)
    (result,) = log.world.run(
        intake.ingest_each(log.world.org, [seen(turns=[*LONG, LONG[0]], log_url="https://calls.test")])
    )
    assert result.state is State.CHANGED
    ((_, body, *_, transcript, _),) = log.rows()
    assert all(f'"{name}":{value}' in body for one in moved for name, value in one.items())
    assert '"log_url":"https://calls.test"' in body
    assert len(EncodedCall(body, transcript).call().turns or []) == len(LONG) + 1
    # It gives way for a few times, and then nobody comes in between.
    assert 1 <= len(moved) <= 3
    assert log.world.run(differences(log.world.joined.pool, log.world.org.id)) == []


def test_live_events_are_folded_where_all_of_them_are_known(
    all_large: None, new_log: Callable[[], Log]
) -> None:
    log = new_log()
    event = b'{"type":"turn","at":"2026-03-01T12:00:00Z","role":"user","text":"Hello."}'
    log.take(seen(duration_ms=1000))
    named = Sighting(vendor="elsewhere", vendor_call_id="a")
    assert log.take(Received(named, event, Provenance(kind=EVENT))) == [State.CHANGED]
    assert log.take(Received(named, event, Provenance(kind=EVENT))) == [State.UNCHANGED]


def test_a_deleted_call_stays_out(all_large: None, new_log: Callable[[], Log]) -> None:
    log = new_log()
    (result,) = log.world.run(log.intake.ingest_each(log.world.org, [seen()]))
    prepared = log.world.run(log.intake.prepare_by_size(log.world.org, [seen(duration_ms=5)]))
    assert log.world.run(log.world.joined.eraser.erase(log.world.org.id, result.call_id or ""))
    (result,) = log.world.run(log.intake.commit_each(log.world.org, prepared))
    assert result.state is State.DELETED
    assert log.rows() == []


def test_many_writers_of_one_call_at_a_time(all_large: None, new_log: Callable[[], Log]) -> None:
    log = new_log()

    async def write_all() -> list[list[Result]]:
        writers = [
            log.intake.ingest_each(log.world.org, [seen(metadata={f"key {number}": number})])
            for number in range(20)
        ]
        return await asyncio.gather(*writers)

    states = [result.state for (result,) in log.world.run(write_all())]
    assert sorted(state.value for state in states) == ["changed"] * 19 + ["new"]
    ((_, body, *_),) = log.rows()
    assert all(f'"key {number}":{number}' in body for number in range(20))
