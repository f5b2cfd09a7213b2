"""Jobs of every kind, each with what it is to bring about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from msgspec import Struct, structs
from obstore.store import LocalStore

from tests.ingest.vendors import SmallVendor, call
from tests.jobs.conftest import Bench, Clock
from tests.jobs.recorded import SOUND, FileServer, recorded
from tests.model.live_events import BEGIN, stored_event
from trunkline.ingest.safe_download import Downloader, Limits
from trunkline.jobs.followers import Followers
from trunkline.jobs.kinds import JobKind
from trunkline.jobs.live_transcripts import LiveTranscripts
from trunkline.jobs.number_totals import number_total_kind
from trunkline.jobs.pulls import ScheduledPulls
from trunkline.jobs.recordings import RecordingArchiver
from trunkline.jobs.sweeps import idempotency_kind, queue_log_kind
from trunkline.jobs.vacuum import vacuum_kind
from trunkline.model.ids import call_id
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.erase import Eraser
from trunkline.service.idempotency import Idempotency
from trunkline.service.received import EVENT, Provenance, Received
from trunkline.store.erase import EraseStore
from trunkline.store.idempotency import IdempotencyStore
from trunkline.store.jobs import LOG
from trunkline.store.live import LiveStore
from trunkline.store.recordings import RecordingStore
from trunkline.store.totals.totals import differences
from trunkline.vendors import doors

NUMBER = "+12025550100"


def archiver_of(bench: Bench, pool: asyncpg.Pool, folder: Path, clock: Clock) -> RecordingArchiver:
    folder.mkdir(exist_ok=True)
    fetcher = Downloader(Limits(max_bytes=len(SOUND), allow_private=True))
    return RecordingArchiver(
        RecordingStore(pool), bench.joined.group_commit, LocalStore(folder), fetcher, clock
    )


class Case(Struct):
    """A kind of job, a job of it to be done, and whether what it is to bring about is so, exactly once."""

    org_id: int
    key: str
    kind: Callable[[asyncpg.Pool], JobKind]
    holds: Callable[[], Awaitable[bool]]


Make = Callable[[Bench, Clock, FileServer, SmallVendor, Path], Awaitable[Case]]


async def recording(bench: Bench, clock: Clock, vendor: FileServer, _: SmallVendor, folder: Path) -> Case:
    org = await bench.org()
    await bench.see(org, recorded(f"{vendor.url}/one.wav"))
    follower = archiver_of(bench, bench.pool, folder, clock).follower
    await Followers(bench.pool, [follower], clock).catch_up()
    one = call_id("contactship", "one")

    async def holds() -> bool:
        kept = await RecordingStore(bench.pool).listed(org.id, "stored", 10)
        sql = "SELECT count(*) FROM sightings WHERE org_id = $1 AND source = 'recordings'"
        told = await bench.pool.fetchval(sql, org.id)
        try:
            files = [path.read_bytes() for path in (folder / str(org.id)).rglob("*") if path.is_file()]
        except FileNotFoundError:  # the other worker is giving it its name
            return False
        return len(kept) == 1 and told == 1 and files == [SOUND]

    return Case(org.id, one, lambda pool: archiver_of(bench, pool, folder, clock).kind, holds)


async def number_total(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    org = await bench.org()
    calls = (Sighting(vendor="one", vendor_call_id=str(n), to_number=NUMBER) for n in range(3))
    await bench.see(org, *calls)

    async def holds() -> bool:
        sql = "SELECT array_agg(counted) FROM number_totals WHERE org_id = $1 AND number = $2"
        counted = await bench.pool.fetchval(sql, org.id, NUMBER)
        return counted == [True] and await differences(bench.pool, org.id) == []

    return Case(org.id, NUMBER, number_total_kind, holds)


async def pull(bench: Bench, clock: Clock, _: FileServer, vendor: SmallVendor, __: Path) -> Case:
    org = await bench.org()
    vendor.calls = [call(f"c-{n}") for n in range(2)]
    source = await bench.joined.sources.add(
        org.name, "trunkline", credential={"api_key": "k"}, base_url=vendor.url
    )

    door = doors()["trunkline"]
    assert door.list_api is not None
    hurried = structs.replace(door, list_api=structs.replace(door.list_api, requests_per_minute=100_000))

    def kind(pool: asyncpg.Pool) -> JobKind:
        known = {"trunkline": hurried}
        return ScheduledPulls(pool, bench.joined.sources, bench.joined.group_commit, known, clock).kind

    async def holds() -> bool:
        sql = "SELECT count(*) FROM calls WHERE org_id = $1"
        ended = "SELECT completed_at IS NOT NULL AND started_at IS NULL FROM pulls WHERE org_id = $1"
        return (await bench.pool.fetchval(sql, org.id), await bench.pool.fetchval(ended, org.id)) == (2, True)

    return Case(org.id, source.id, kind, holds)


async def idempotency(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    org = await bench.org()
    for key, age in (("old", timedelta(days=2)), ("new", timedelta(0))):
        sql = "INSERT INTO idempotent_requests (org_id, key, fingerprint, created_at) VALUES ($1, $2, '', $3)"
        await bench.pool.execute(sql, org.id, key, clock() - age)

    async def holds() -> bool:
        sql = "SELECT array_agg(key) FROM idempotent_requests WHERE org_id = $1"
        return bool(await bench.pool.fetchval(sql, org.id) == ["new"])

    return Case(LOG, "", lambda pool: idempotency_kind(Idempotency(IdempotencyStore(pool), clock)), holds)


async def queue_log(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    columns = "created, job_id, status, priority, entrypoint"
    sql = f"INSERT INTO job_queue.pgqueuer_log ({columns}) VALUES ($1, 1, 'queued', 0, 'x')"
    await bench.pool.execute("DELETE FROM job_queue.pgqueuer_log WHERE entrypoint = 'x'")
    for age in (timedelta(days=30), timedelta(0)):
        await bench.pool.execute(sql, clock() - age)

    async def holds() -> bool:
        sql = "SELECT count(*) FROM job_queue.pgqueuer_log WHERE entrypoint = 'x'"
        return bool(await bench.pool.fetchval(sql) == 1)

    return Case(LOG, "", lambda pool: queue_log_kind(pool, clock), holds)


async def vacuum(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, folder: Path) -> Case:
    org = await bench.org()
    await bench.see(org, Sighting(vendor="one", vendor_call_id="1", to_number=NUMBER))
    await bench.pool.execute("INSERT INTO number_totals (org_id, number) VALUES ($1, $2)", org.id, NUMBER)
    assert await bench.joined.writer.delete(org.id, call_id("one", "1"))
    objects = LocalStore(folder, mkdir=True)
    await objects.put_async(str(org.id), SOUND)
    sql = "INSERT INTO erased_objects (org_id, path, erased_at) VALUES ($1, $2, $3)"
    await bench.pool.execute(sql, org.id, str(org.id), clock() - timedelta(days=1))

    async def holds() -> bool:
        tables = ("erase_backlog", "erased_objects", "number_totals")
        counts = [f"SELECT count(*) FROM {table} WHERE org_id = $1" for table in tables]
        left = [await bench.pool.fetchval(count, org.id) for count in counts]
        files = [one["path"] for page in objects.list() for one in page]
        return left == [0, 0, 0] and str(org.id) not in files

    def kind(pool: asyncpg.Pool) -> JobKind:
        return vacuum_kind(Eraser(bench.joined.writer, EraseStore(pool), lambda: objects, clock))

    return Case(LOG, "", kind, holds)


async def report_live_call(bench: Bench, org: Org) -> None:
    """A live call with one turn."""
    named = Sighting(vendor="one", vendor_call_id="live")
    turn = {"type": "turn", "at": BEGIN.isoformat(), "turn": "1", "role": "user", "text": "This is live."}
    raw = stored_event(turn)
    await bench.joined.intake.ingest(org, [Received(named, raw, Provenance(kind=EVENT))], "test")


async def has_rested(bench: Bench, org: Org) -> bool:
    """Whether the transcript of the live call is assembled and indexed, and its slots are dropped."""
    slots = await bench.pool.fetchval("SELECT count(*) FROM live_slots WHERE org_id = $1", org.id)
    sql = """
        SELECT s.live, s.search, x.call_id IS NOT NULL FROM call_transcripts s
        LEFT JOIN call_terms x ON x.org_id = $1 AND x.call_id = s.call_id
        WHERE s.org_id = $1 AND s.call_id = $2
    """
    rows = await bench.pool.fetch(sql, org.id, UUID(call_id("one", "live")))

    return slots == 0 and [tuple(row.values()) for row in rows] == [(0, ": this is live.\n", True)]


async def live_transcript(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    org = await bench.org()
    await report_live_call(bench, org)
    await bench.pool.execute("UPDATE live_calls SET due_at = $2 WHERE org_id = $1", org.id, clock())

    def kind(pool: asyncpg.Pool) -> JobKind:
        return LiveTranscripts(LiveStore(pool), clock).kind

    return Case(org.id, call_id("one", "live"), kind, lambda: has_rested(bench, org))


JOB_CASES: Mapping[str, Make] = {
    "recording": recording,
    "number_total": number_total,
    "pull": pull,
    "live_transcript": live_transcript,
    "idempotency": idempotency,
    "queue_log": queue_log,
    "vacuum": vacuum,
}
"""By the kind of job."""
