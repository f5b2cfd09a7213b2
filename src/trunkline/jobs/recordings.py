"""Recordings: links in calls are downloaded before they expire, by one process at a time."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta

import asyncpg
import msgspec
import obstore
import structlog
from obstore.store import ObjectStore

from trunkline.ingest.safe_download import MAX_SECONDS, Downloader, DownloadFailed, is_example
from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.intake import RECORDING, Provenance, Received
from trunkline.store.recordings import DueRecording, RecordingStore, StoredRecording, leads_on

log = structlog.get_logger(__name__)

AT_ONCE = 4
MAX_TRIES = 10
POLL_SECONDS = 2.0
MAX_CHANGES = 5000
"""Changes of an org that are read at a time."""
_FIRST_WAIT = timedelta(seconds=30)
_MAX_WAIT = timedelta(hours=6)
_encode = msgspec.json.Encoder().encode


class RecordingArchiver:
    """Follows every org's changes and downloads the recordings of calls that are over."""

    def __init__(
        self,
        store: RecordingStore,
        group_commit: GroupCommit,
        objects: ObjectStore,
        downloader: Downloader,
        clock: Clock,
    ) -> None:
        self._store = store
        self._group_commit = group_commit
        self._objects = objects
        self._downloader = downloader
        self._clock = clock

    async def run(self, database_url: str) -> None:
        """Archive recordings for ever, whenever no other process does."""
        while True:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                connection = await asyncpg.connect(database_url, timeout=10)
                try:
                    leads = False
                    while not connection.is_closed():
                        leads = leads or await leads_on(connection)
                        if not leads or not await self.run_once():
                            await asyncio.sleep(POLL_SECONDS)
                finally:
                    connection.terminate()
            await asyncio.sleep(POLL_SECONDS)

    async def run_once(self) -> bool:
        """Do one round; false if there was nothing to do."""
        noted = await self._enqueue()
        due = await self._store.due(self._clock(), AT_ONCE)
        await asyncio.gather(*(self._archive(one) for one in due))
        return noted or bool(due)

    async def _enqueue(self) -> bool:
        behind = await self._store.lagging_orgs()
        for org in behind:
            up_to = min(org.head, org.change + MAX_CHANGES)
            calls, gone = await self._store.changed(org.org_id, org.change, up_to)
            found = [
                (call.id, call.recording.url)
                for call in calls
                if call.recording is not None
                and call.recording.url
                and call.recording.stored is not True
                and not is_example(call.recording.url)
            ]
            for path in await self._store.drop(org.org_id, gone) if gone else []:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._objects, path)
            await self._store.note(org.org_id, up_to, found, self._clock())
        return bool(behind)

    async def _archive(self, due: DueRecording) -> None:
        try:
            async with asyncio.timeout(MAX_SECONDS):
                stored = await self._downloaded(due)
        except TimeoutError:
            await self._failed(due, DownloadFailed(f"it took more than {MAX_SECONDS:.0f} seconds"))
        except DownloadFailed as error:
            await self._failed(due, error)
        else:
            await self._report(due)
            await self._store.mark_stored(due, stored, self._clock())

    async def _downloaded(self, due: DueRecording) -> StoredRecording:
        path = f"{due.org_id}/{due.call_id.hex[:2]}/{due.call_id}"
        media_types: list[str] = []
        digest, size = hashlib.sha256(), 0
        writer = obstore.open_writer_async(self._objects, path)
        async for part in self._downloader.download(due.url, media_types.append):
            digest.update(part)
            size += len(part)
            await writer.write(part)
        await writer.close()
        return StoredRecording(path, size, media_types[0], digest.digest())

    async def _report(self, due: DueRecording) -> None:
        """Report that the call's recording is stored, as a change like any other."""
        sighting = Sighting(
            vendor=due.vendor, vendor_call_id=due.vendor_call_id, recording=Recording(stored=True)
        )
        origin = Provenance(kind=RECORDING, source="recordings")
        await self._group_commit.ingest(
            Org(due.org_id, due.org_name), [Received(sighting, _encode(sighting), origin)]
        )

    async def _failed(self, due: DueRecording, error: DownloadFailed) -> None:
        last = error.for_good or due.attempts + 1 >= MAX_TRIES
        wait = min(_FIRST_WAIT * 2**due.attempts, _MAX_WAIT)
        state = "failed" if last else "waiting"
        log.info(
            "recording not stored", org=due.org_name, call=str(due.call_id), reason=str(error), state=state
        )
        await self._store.mark_failed(due, state, str(error)[:500], self._clock() + wait)
