"""The only package that chooses concrete parts and joins them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct
from obstore.store import LocalStore, ObjectStore, from_url

from trunkline.ingest.pull import Pull, Report
from trunkline.ingest.reprocess import Reprocessor
from trunkline.ingest.safe_download import Downloader, Limits
from trunkline.ingest.stored_payload import stored_payload_reader
from trunkline.ingest.vendor_client import VendorClient
from trunkline.jobs.embedded_watch import EmbeddedWatch
from trunkline.jobs.files import private_folder
from trunkline.service.calls import Calls
from trunkline.service.changes import Changes
from trunkline.service.clock import Clock, system_clock
from trunkline.service.encryption import SecretBox, key_in
from trunkline.service.erase import Eraser
from trunkline.service.group_commit import GroupCommit
from trunkline.service.idempotency import Idempotency
from trunkline.service.inbox import Inbox
from trunkline.service.intake import Intake
from trunkline.service.keys import Keys
from trunkline.service.ledger import Ledger
from trunkline.service.limits import OrgLimits
from trunkline.service.number_totals import NumberTotals
from trunkline.service.recordings import Links, Recordings
from trunkline.service.run import Run, handlers
from trunkline.service.sources import Source, Sources
from trunkline.service.threads import WorkThreads
from trunkline.service.totals import Totals
from trunkline.service.writes import Writes
from trunkline.settings import Settings
from trunkline.store.calls.chunked_reader import ChunkedReader
from trunkline.store.calls.reads import CallStore
from trunkline.store.calls.writes import CallWriter
from trunkline.store.change_notifier import ChangeNotifier
from trunkline.store.changes import ChangeStore, listen
from trunkline.store.embedded import join_embedded
from trunkline.store.erase import EraseStore
from trunkline.store.followers import FollowerStore
from trunkline.store.idempotency import IdempotencyStore
from trunkline.store.inbox import InboxStore
from trunkline.store.jobs import JobStore
from trunkline.store.keys import KeyStore
from trunkline.store.ledger import LedgerStore
from trunkline.store.live import LiveStore
from trunkline.store.migrations import head, migrate, state
from trunkline.store.pool import open_pool
from trunkline.store.private_files import make_home
from trunkline.store.pulls import PullStore
from trunkline.store.recordings import RecordingStore
from trunkline.store.sources import SourceStore
from trunkline.store.totals.totals import differences, mend
from trunkline.vendors import dialects, doors

if TYPE_CHECKING:
    from trunkline.jobs.worker import Worker

log = structlog.get_logger(__name__)
_to_stderr = partial(print, file=sys.stderr)


class Services(Struct, frozen=True):
    """The services of the product, joined to one database."""

    run: Run
    """From any intent to its outcome."""
    number_totals: NumberTotals
    keys: Keys
    intake: Intake
    group_commit: GroupCommit
    eraser: Eraser
    idempotency: Idempotency
    inbox: Inbox
    limits: OrgLimits
    links: Links
    recordings: Recordings
    sources: Sources
    threads: WorkThreads
    writer: CallWriter
    notifier: ChangeNotifier
    jobs: JobStore
    followers: FollowerStore
    pool: asyncpg.Pool


class SchemaBehind(RuntimeError):
    """The database's tables are older than this version; `trunkline migrate` brings them up to date."""


def database(settings: Settings, *, watch: bool = False) -> str:
    """The URL of the database; the embedded one is started and migrated, and with `watch` kept running."""
    if settings.database_url is not None:
        return settings.database_url
    url = _embedded(settings, settings.home, watch=watch)
    asyncio.run(migrate(url, report=_to_stderr))
    return url


def _embedded(settings: Settings, home: Path, *, watch: bool = False) -> str:
    postgres = join_embedded(home, settings.postgres_bin, _to_stderr, settings.home)
    if watch:
        EmbeddedWatch(postgres).start()
    return postgres.url


def demo_database(settings: Settings) -> str:
    """The URL of the demo's own database, started and migrated."""
    make_home(settings.home)
    url = _embedded(settings, settings.home / "demo", watch=True)  # never a database of the user's own
    asyncio.run(migrate(url))
    return url


def migrate_database(settings: Settings, report: Callable[[str], None]) -> tuple[str | None, str]:
    """Bring the database to this version; returns the revisions before and after."""
    url = settings.database_url or _embedded(settings, settings.home)
    return asyncio.run(migrate(url, report=report))


@asynccontextmanager
async def services(
    database_url: str,
    *,
    pool_size: int = 4,
    clock: Clock = system_clock,
    settings: Settings | None = None,
) -> AsyncIterator[Services]:
    """Join the services to a database; raises `SchemaBehind` if it has to be migrated first.

    Raises `UnknownRevision` if it was made by a newer version.
    """
    found, is_pending = await state(database_url)
    if found != head():
        why = "has no tables of Trunkline yet" if found is None else f"is at revision {found}, not {head()}"
        raise SchemaBehind(f"the database {why}: run `trunkline migrate`")
    if is_pending:
        raise SchemaBehind("the upgrade of the database is not finished: run `trunkline migrate`")
    pool = await open_pool(database_url, pool_size)
    notifier = ChangeNotifier(pool)
    try:
        store = CallStore(pool)
        keys = KeyStore(pool)
        writer = CallWriter(pool, notifier.notify)
        current = settings or Settings.read()
        limits = OrgLimits.of(pool_size, current.streams)
        threads = WorkThreads()
        intake = Intake(writer, clock, threads)
        commits = GroupCommit(intake, limits)
        secret_box = SecretBox(lambda: current.encryption_key or key_in(current.home))
        links = Links(current.public_url, lambda: current.encryption_key or key_in(current.home), clock)
        jobs = JobStore(pool)
        numbers = NumberTotals(jobs, clock)
        recordings = Recordings(RecordingStore(pool), jobs, clock)
        changes = Changes(ChangeStore(pool), partial(listen, database_url), limits=limits)
        notifier.subscribe(changes.wake)
        eraser = Eraser(writer, EraseStore(pool), partial(recordings_in, current), clock)
        sources = Sources(SourceStore(pool), keys, doors(), secret_box, clock)
        inbox = Inbox(InboxStore(pool), commits, stored_payload_reader().read_again, threads)
        table = handlers(
            calls=Calls(store, ChunkedReader(pool), numbers, limits),
            changes=changes,
            inbox=inbox,
            ledger=Ledger(LedgerStore(pool), InboxStore(pool), clock),
            recordings=recordings,
            totals=Totals(partial(differences, pool), partial(mend, pool)),
            writes=Writes(store, eraser, commits, clock, limits, threads),
        )
        yield Services(
            run=Run(table),
            number_totals=numbers,
            keys=Keys(keys, dialects(), clock),
            intake=intake,
            group_commit=commits,
            eraser=eraser,
            idempotency=Idempotency(IdempotencyStore(pool), clock, threads),
            inbox=inbox,
            limits=limits,
            links=links,
            recordings=recordings,
            sources=sources,
            threads=threads,
            writer=writer,
            notifier=notifier,
            jobs=jobs,
            followers=FollowerStore(pool),
            pool=pool,
        )
        await changes.close()
        await numbers.close()
        await commits.close()
        threads.close()
    finally:
        await notifier.flush()
        await pool.close()


def recordings_in(settings: Settings) -> ObjectStore:
    """Where recordings are stored; only the owner may read a folder of them."""
    url = settings.recordings_url
    return from_url(url) if url else LocalStore(private_folder(settings.home / "recordings"))


@asynccontextmanager
async def open_worker(
    joined: Services, settings: Settings, database_url: str, clock: Clock = system_clock
) -> AsyncIterator[Worker]:
    """The worker for background work, with connections of its own; the caller runs it."""
    # Imported here, since its dependencies take longer to load than everything else that commands need.
    from trunkline.jobs.live_transcripts import LiveTranscripts
    from trunkline.jobs.number_totals import number_total_kind
    from trunkline.jobs.pulls import ScheduledPulls
    from trunkline.jobs.recordings import RecordingArchiver
    from trunkline.jobs.search_index import search_index
    from trunkline.jobs.sweeps import idempotency_kind, queue_log_kind
    from trunkline.jobs.vacuum import vacuum_kind
    from trunkline.jobs.worker import CONNECTIONS, SERVER_SETTINGS, Worker

    pool = await open_pool(database_url, CONNECTIONS, SERVER_SETTINGS)
    try:
        live_transcripts = LiveTranscripts(LiveStore(pool), clock)
        followers = [search_index(), live_transcripts.follower]
        kinds = [
            live_transcripts.kind,
            number_total_kind(pool),
            ScheduledPulls(pool, joined.sources, joined.group_commit, doors(), clock).kind,
            idempotency_kind(joined.idempotency),
            queue_log_kind(pool, clock),
            vacuum_kind(Eraser(joined.writer, EraseStore(pool), partial(recordings_in, settings), clock)),
        ]
        if settings.archive_recordings:
            limits = Limits(max_bytes=settings.max_recording_bytes, allow_private=settings.fetch_private)
            archiver = RecordingArchiver(
                RecordingStore(pool), joined.group_commit, recordings_in(settings), Downloader(limits), clock
            )
            followers.append(archiver.follower)
            kinds.append(archiver.kind)
        yield Worker(database_url, pool, followers, kinds, clock)
    finally:
        await pool.close()


@asynccontextmanager
async def working(
    joined: Services, settings: Settings, database_url: str, clock: Clock = system_clock
) -> AsyncIterator[None]:
    """Do background work meanwhile, if this process is to do it."""
    if not settings.work:
        yield
        return
    async with open_worker(joined, settings, database_url, clock) as worker:
        joined.notifier.subscribe(lambda _: worker.wake())
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await asyncio.wait({task})


def reprocessor(joined: Services) -> Reprocessor:
    """The reprocessor, which derives calls again from their payloads."""
    return Reprocessor(joined.writer, joined.inbox, stored_payload_reader())


def pull_of(joined: Services, source: Source, client: VendorClient, report: Report) -> Pull:
    """The pull of a source's calls."""
    store = PullStore(joined.pool, source.org.id, UUID(source.id))
    return Pull(source, doors()[source.vendor], joined.group_commit, store, client, system_clock, report)


async def check(database_url: str) -> None:
    """Check that a database can be served; raises `SchemaBehind` or what the driver raises."""
    async with services(database_url, pool_size=1):
        pass
