"""Wake-ups against a real database: sent after commits, together, and never missed for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import asyncpg
import structlog

from tests.conftest import MAX_WAIT_SECONDS, World
from trunkline.compose import services
from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.intents import FollowCalls
from trunkline.model.query import CallFilter
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.changes import Changes
from trunkline.service.clock import system_clock
from trunkline.service.intake import Intake
from trunkline.service.limits import OrgLimits
from trunkline.service.received import Received
from trunkline.service.run import OUR_IDS
from trunkline.store.calls.writes import CallWriter
from trunkline.store.change_notifier import CHANNEL, MAX_ORGS, ChangeNotifier
from trunkline.store.changes import ChangeStore
from trunkline.store.queries import queries

END = "0"
"""No org has this id: a listener that receives it has received everything before."""


def seen(name: str) -> list[Received]:
    return [Received(Sighting(vendor="elsewhere", vendor_call_id=name))]


@asynccontextmanager
async def payloads(url: str) -> AsyncIterator[Callable[[], list[str]]]:
    """The notifications while the block runs; complete once `END` was received."""
    connection = await asyncpg.connect(url)
    got: list[str] = []
    ended = asyncio.Event()

    def take(*notification: object) -> None:
        got.append(str(notification[3]))
        if got[-1] == END:
            ended.set()

    await connection.add_listener(CHANNEL, take)
    yield lambda: list(got)
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, END)
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        await ended.wait()
    await connection.close()


async def sent(url: str, act: Callable[[asyncpg.Pool], object]) -> list[str]:
    """The payloads that something sends by a pool of its own."""
    async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool:
        async with payloads(url) as got:
            await act(pool)  # type: ignore[misc]
        return [payload for payload in got() if payload != END]


def naming(payloads: list[str], orgs: Iterable[int]) -> list[list[int]]:
    """Those payloads that name some orgs; others may be at work in the database."""
    ids = set(orgs)
    found = [[int(org_id) for org_id in payload.split(",")] for payload in payloads]
    return [one for one in found if ids.intersection(one)]


def test_a_write_itself_does_not_notify_and_its_wake_up_follows_the_commit(
    world: World, embedded_url: str
) -> None:
    text = queries("writes")["reserve_sequence"] + queries("calls")["write"] + queries("calls")["delete"]
    assert "notify" not in text.lower()
    committed: list[int] = []

    async def write(pool: asyncpg.Pool) -> None:
        async def visible(org_id: int) -> int:
            count: int = await pool.fetchval("SELECT count(*) FROM calls WHERE org_id = $1", org_id)
            return count

        looks: list[asyncio.Task[int]] = []

        def wake(org_id: int) -> None:
            committed.append(org_id)
            looks.append(asyncio.create_task(visible(org_id)))

        intake = Intake(CallWriter(pool, wake), system_clock)
        await intake.ingest(world.org, seen("first"), "test")
        assert await asyncio.gather(*looks) == [1]

    assert naming(world.run(sent(embedded_url, write)), [world.org.id]) == []
    assert committed == [world.org.id]


def test_orgs_that_change_together_are_named_together_and_each_is_named_after_its_last_commit(
    embedded_url: str, world: World
) -> None:
    orgs = [Org(10_000_000 + number, f"none-{number}") for number in range(16)]

    async def write(pool: asyncpg.Pool) -> None:
        notifier = ChangeNotifier(pool)
        intake = Intake(CallWriter(pool, notifier.notify), system_clock)

        async def one(org: Org) -> None:
            for number in range(10):
                await intake.ingest(org, seen(f"{number}"), "test")

        await asyncio.gather(*(one(org) for org in orgs))
        await notifier.flush()
        await pool.execute("DELETE FROM change_sequences WHERE org_id >= 10000000")
        for table in ("calls", "call_totals"):
            await pool.execute(f"DELETE FROM {table} WHERE org_id >= 10000000")

    got = naming(world.run(sent(embedded_url, write)), [org.id for org in orgs])
    assert {org_id for payload in got for org_id in payload} == {org.id for org in orgs}
    assert len(got) < 160, "every commit was told by itself"
    assert all(len(set(payload)) == len(payload) for payload in got)


def test_no_notification_is_larger_than_the_database_takes(embedded_url: str, world: World) -> None:
    first = 2**31 - 1 - 3 * MAX_ORGS

    async def tell(pool: asyncpg.Pool) -> None:
        notifier = ChangeNotifier(pool)
        for org_id in range(first, 2**31 - 1):
            notifier.notify(org_id)
        await notifier.flush()

    got = world.run(sent(embedded_url, tell))
    assert max(map(len, got)) < 8000
    told = naming(got, range(first, 2**31 - 1))
    assert [org_id for payload in told for org_id in payload] == list(range(first, 2**31 - 1))


def test_a_wake_up_that_cannot_be_sent_is_logged_and_the_next_one_is_sent(
    embedded_url: str, world: World
) -> None:
    async def tell(pool: asyncpg.Pool) -> None:
        lost = await asyncpg.create_pool(embedded_url, min_size=1, max_size=1)
        notifier = ChangeNotifier(lost)
        await lost.close()
        with structlog.testing.capture_logs() as logs:
            notifier.notify(world.org.id)
            await notifier.flush()
        assert [(entry["event"], entry["orgs"]) for entry in logs] == [("wake-ups not sent", 1)]
        again = ChangeNotifier(pool)
        again.notify(world.org.id)
        await again.flush()

    assert naming(world.run(sent(embedded_url, tell)), [world.org.id]) == [[world.org.id]]


# -- followers ------------------------------------------------------------


async def silent(_: Callable[[int | None], None]) -> None:
    """A connection that listens and on which every wake-up is lost."""
    await asyncio.Event().wait()


def followed(world: World, url: str, *, poll_seconds: float, subscribed: bool) -> list[str]:
    """The changes that a follower gets without a listening connection while it waits."""

    async def follow() -> list[str]:
        async with services(url, pool_size=2) as joined:
            changes = Changes(
                ChangeStore(joined.pool),
                silent,
                limits=OrgLimits.of(2),
                poll_seconds=poll_seconds,
            )
            if subscribed:
                joined.notifier.subscribe(changes.wake)
            stream = await changes.follow(world.org, FollowCalls(filter=CallFilter()), OUR_IDS)
            looks = stream.batches
            assert (await anext(looks)).changes == ()
            await joined.intake.ingest(world.org, seen("while it waits"), "test")
            got: list[Call] = []
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while not got:
                    look: ChangeBatch = await anext(looks)
                    got += [change.call for change in look.changes if change.call is not None]
            await looks.aclose()
            await changes.close()
            return [call.vendor_call_id for call in got]

    return world.run(follow())


def test_whoever_was_not_woken_looks_again(world: World, embedded_url: str) -> None:
    got = followed(world, embedded_url, poll_seconds=0.05, subscribed=False)
    assert got == ["while it waits"]


def test_followers_of_the_process_that_wrote_are_woken_without_the_database(
    world: World, embedded_url: str
) -> None:
    never = 100 * MAX_WAIT_SECONDS
    assert followed(world, embedded_url, poll_seconds=never, subscribed=True) == ["while it waits"]
