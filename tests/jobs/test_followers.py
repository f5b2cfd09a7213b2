"""Followers: exactly once in effect, and whatever fails holds up one org alone, visibly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.jobs.conftest import Bench, Clock, Go, until
from tests.jobs.faults import Fault, FaultyPool, Trouble
from trunkline.jobs.followers import DIED, MAX_TRIES, Follower, Followers
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.store.followers import begin_step, head_of

EFFECTS = "CREATE TABLE IF NOT EXISTS effects (org_id integer, change bigint)"
STORE_REFUSES = (
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.DeadlockDetectedError("in a circle"),
    asyncpg.DiskFullError("no room"),
    asyncpg.LockNotAvailableError("locked"),
    asyncpg.UndefinedTableError("another version"),
    asyncpg.InterfaceError("closed"),
    OSError("no route"),
)
ROW_CANNOT_BE_DONE = (
    asyncpg.CharacterNotInRepertoireError("a NUL"),
    asyncpg.exceptions.DataError("a number that is too large"),
    asyncpg.NotNullViolationError("null"),
    ValueError("not JSON"),
    RuntimeError("a mistake of ours"),
)


class Effects:
    """A follower that records each change, and fails on request."""

    def __init__(self, bench: Bench) -> None:
        self._pool = bench.pool
        self.problem: Callable[[int, int, int], Awaitable[None]] | None = None
        self.follower = Follower(name="effects", step=self._step, span=8)

    async def _step(self, connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> int:
        sql = "INSERT INTO effects SELECT $1, c FROM generate_series($2::bigint + 1, $3::bigint) AS c"
        await connection.execute(sql, org_id, after, up_to)
        if self.problem is not None:
            await self.problem(org_id, after, up_to)
        return up_to

    async def done(self, org: Org) -> list[int]:
        sql = "SELECT change FROM effects WHERE org_id = $1 ORDER BY change"
        return [row["change"] for row in await self._pool.fetch(sql, org.id)]

    async def position(self, org: Org) -> asyncpg.Record:
        sql = "SELECT * FROM followers WHERE org_id = $1 AND name = 'effects'"
        return await self._pool.fetchrow(sql, org.id)


async def changed(bench: Bench, count: int) -> Org:
    """An org with so many changes."""
    await bench.pool.execute(EFFECTS)
    org = await bench.org()
    await bench.see(org, *(Sighting(vendor="one", vendor_call_id=str(one)) for one in range(count)))
    return org


async def run_on(followers: Followers, clock: Clock, rounds: int = 20) -> None:
    """Let time pass, a few minutes at a time."""
    for _ in range(rounds):
        await followers.catch_up()
        clock.forward(timedelta(minutes=6))


def test_every_change_is_done_once_in_order_by_however_many_workers(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        one, other = await changed(bench, 40), await changed(bench, 3)
        effects = Effects(bench)
        workers = [Followers(bench.pool, [effects.follower], clock) for _ in range(3)]

        async def all_done() -> bool:
            await asyncio.gather(*(worker.catch_up() for worker in workers))
            return len(await effects.done(one)) >= 40 and len(await effects.done(other)) >= 3

        await until(all_done)
        assert await effects.done(one) == list(range(1, 41))
        assert await effects.done(other) == [1, 2, 3]

    go(work)


@pytest.mark.parametrize("error", STORE_REFUSES, ids=lambda error: type(error).__name__)
def test_while_the_store_refuses_a_follower_waits_and_loses_nothing(
    go: Go, clock: Clock, error: Exception
) -> None:
    async def work(bench: Bench) -> None:
        org, other = await changed(bench, 5), await changed(bench, 5)
        effects = Effects(bench)

        async def refuse(org_id: int, _: int, __: int) -> None:
            if org_id == org.id:
                raise error

        effects.problem = refuse
        followers = Followers(bench.pool, [effects.follower], clock)
        with capture_logs() as logs:
            await run_on(followers, clock)
        assert await effects.done(org) == []
        assert await effects.done(other) == [1, 2, 3, 4, 5]
        position = await effects.position(org)
        assert (position["change"], position["span"]) == (0, None)
        assert position["attempts"] == 20
        assert str(error) in position["problem"]
        assert (
            timedelta(0)
            < position["next_try_at"] - (clock.now - timedelta(minutes=6))
            <= timedelta(minutes=5)
        )
        assert (await bench.counts(org, "effects")) == {"failed": 20}
        assert sum(line["log_level"] == "warning" for line in logs) == 20
        assert await bench.joined.followers.skipped_count(org.id, "effects") == 0
        effects.problem = None
        await followers.catch_up()
        assert await effects.done(org) == [1, 2, 3, 4, 5]
        assert ((await effects.position(org))["attempts"], (await effects.position(org))["problem"]) == (
            0,
            None,
        )

    go(work)


@pytest.mark.parametrize("error", ROW_CANNOT_BE_DONE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("poisoned", [1, 6, 20])
def test_a_change_that_cannot_be_done_is_found_skipped_with_a_mark_and_can_be_gone_back_to(
    go: Go, clock: Clock, error: Exception, poisoned: int
) -> None:
    async def work(bench: Bench) -> None:
        org, other = await changed(bench, 20), await changed(bench, 2)
        effects = Effects(bench)

        async def fail(org_id: int, after: int, up_to: int) -> None:
            if org_id == org.id and after < poisoned <= up_to:
                raise error

        effects.problem = fail
        followers = Followers(bench.pool, [effects.follower], clock)
        with capture_logs() as logs:
            await run_on(followers, clock, rounds=MAX_TRIES + 1)
        assert await effects.done(org) == [one for one in range(1, 21) if one != poisoned]
        assert await effects.done(other) == [1, 2]
        marks = await bench.pool.fetch("SELECT change, problem FROM follower_skips WHERE org_id = $1", org.id)
        assert [mark["change"] for mark in marks] == [poisoned]
        assert str(error) in marks[0]["problem"]
        counts = await bench.counts(org, "effects")
        assert counts["skipped"] == 1
        assert counts["failed"] >= MAX_TRIES - 1
        assert [line["change"] for line in logs if line["log_level"] == "error"] == [poisoned]
        (listed,) = [one for one in await bench.joined.followers.listed(org.id, 10) if one.name == "effects"]
        assert (listed.skipped, listed.behind) == (1, 0)
        effects.problem = None
        assert await bench.joined.followers.go_back(org.id) == 1
        await followers.catch_up()
        assert set(await effects.done(org)) == set(range(1, 21))
        assert await bench.joined.followers.skipped_count(org.id, "effects") == 0

    go(work)


def test_a_follower_that_hangs_in_one_org_is_broken_off_and_others_go_on_meanwhile(
    go: Go, clock: Clock
) -> None:
    async def work(bench: Bench) -> None:
        org, other = await changed(bench, 3), await changed(bench, 3)
        effects = Effects(bench)

        async def hang(org_id: int, _: int, __: int) -> None:
            if org_id == org.id:
                await asyncio.Event().wait()

        effects.problem = hang
        followers = Followers(bench.pool, [effects.follower], clock, max_step_seconds=0.3)
        await followers.poll()

        async def others_done() -> bool:
            await followers.poll()
            return await effects.done(other) == [1, 2, 3]

        await until(others_done)
        assert await effects.done(org) == []
        await followers.catch_up()
        position = await effects.position(org)
        assert "TimeoutError" in position["problem"]
        assert await bench.joined.followers.skipped_count(org.id, "effects") == 0

    go(work)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_fault_at_any_statement_of_a_step_leaves_position_and_work_together(
    go: Go, clock: Clock, fault: Fault
) -> None:
    async def work(bench: Bench) -> None:
        at, came = 0, True
        while came:
            at += 1
            org = await changed(bench, 6)
            effects = Effects(bench)
            trouble = Trouble(fault, at)
            broken = Followers(FaultyPool(bench.pool, trouble), [effects.follower], clock)
            broken._store = bench.joined.followers  # the poll itself must succeed
            await broken.catch_up()
            came = trouble.came
            position = await effects.position(org)
            assert await effects.done(org) == list(
                range(1, 1 + (0 if position is None else position["change"]))
            )
            await run_on(Followers(bench.pool, [effects.follower], clock), clock, rounds=MAX_TRIES + 2)
            assert await effects.done(org) == [1, 2, 3, 4, 5, 6]
        assert at > 4

    go(work)


async def be_killed(bench: Bench, org: Org) -> None:
    """Begin a step as a process does that is killed in it."""
    async with bench.pool.acquire() as connection:
        await begin_step(connection, org.id, "effects", await head_of(connection, org.id))


def test_a_change_that_kills_every_process_is_found_and_skipped_while_other_orgs_go_on(
    go: Go, clock: Clock
) -> None:
    async def work(bench: Bench) -> None:
        org, other = await changed(bench, 6), await changed(bench, 2)
        effects, poisoned, deaths = Effects(bench), 5, 0
        followers = Followers(bench.pool, [effects.follower], clock)
        await be_killed(bench, org)
        await followers.catch_up()
        assert (await effects.done(org), await effects.done(other)) == ([], [1, 2])
        (listed,) = [one for one in await bench.joined.followers.listed(org.id, 10) if one.name == "effects"]
        assert (listed.attempts, listed.problem) == (1, DIED)
        assert listed.next_try_at is not None
        assert listed.next_try_at > clock.now
        for _ in range(60):
            clock.forward(timedelta(minutes=12))
            at = await effects.position(org)
            if at["change"] < poisoned <= at["change"] + min(at["span"] or 8, 6 - at["change"]):
                await be_killed(bench, org)
                deaths += 1
            await followers.poll()
            await followers.settle()
        assert await effects.done(org) == [1, 2, 3, 4, 6]
        marks = await bench.pool.fetch("SELECT change, problem FROM follower_skips WHERE org_id = $1", org.id)
        assert [tuple(mark.values()) for mark in marks] == [(poisoned, DIED)]
        counts = await bench.counts(org, "effects")
        assert (counts["died"], counts["skipped"]) == (deaths + 1, 1)
        assert deaths >= MAX_TRIES

    go(work)


def test_a_step_that_is_broken_off_by_a_stop_did_not_die(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await changed(bench, 3)
        effects, begun = Effects(bench), asyncio.Event()

        async def hang(_: int, __: int, ___: int) -> None:
            begun.set()
            await asyncio.Event().wait()

        effects.problem = hang
        stopped = Followers(bench.pool, [effects.follower], clock)
        await stopped.poll()
        await begun.wait()
        assert (await effects.position(org))["started_at"] is not None
        await stopped.stop()
        assert (await effects.position(org))["started_at"] is None
        effects.problem = None
        await Followers(bench.pool, [effects.follower], clock).catch_up()
        assert await effects.done(org) == [1, 2, 3]
        assert await bench.counts(org, "effects") == {"done": 1}

    go(work)


def test_followers_that_died_together_are_not_tried_again_at_the_same_time(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        orgs = [await changed(bench, 1) for _ in range(3)]
        for org in orgs:
            await be_killed(bench, org)
        effects = Effects(bench)
        await Followers(bench.pool, [effects.follower], clock).catch_up()
        waits = {(await effects.position(org))["next_try_at"] - clock.now for org in orgs}
        assert len(waits) == 3
        assert all(timedelta(seconds=1) <= wait < timedelta(seconds=2) for wait in waits)

    go(work)
