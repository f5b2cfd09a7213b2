"""Recordings: a follower records the links in calls, and one job per link downloads it before it expires.

The job makes the object store agree with the list of recordings: it downloads a file, or removes the file of
a deleted call. The jobs of one call run one after another, so no late download outlives its call.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import obstore
from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from trunkline.ingest.safe_download import MAX_SECONDS, Downloader, DownloadFailed, is_example
from trunkline.jobs.files import make_private, remove_parts
from trunkline.jobs.followers import Follower
from trunkline.jobs.kinds import Done, JobFailed, JobKind
from trunkline.model.call import Call, Recording
from trunkline.model.recordings import StoredRecording
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.received import RECORDING as STORED
from trunkline.service.received import Provenance, Received
from trunkline.store.jobs import Begun, add_jobs
from trunkline.store.recordings import (
    RECORDING,
    RecordingStore,
    WantedRecording,
    deleted_calls,
    drop_recordings,
    mark_stored,
    note_recordings,
    recorded_calls,
)

AT_ONCE, AT_ONCE_OF_ORG = 16, 2
"""Downloads at the same time, for all orgs and for one, whose recording server may be slow."""

MAX_TRIES = 10
_NO_CHARACTER = "\ufffd"
_encode = msgspec.json.Encoder().encode


class RecordingArchiver(Struct, frozen=True):
    """Records links to recordings, downloads them, and removes those of deleted calls."""

    store: RecordingStore
    commits: GroupCommit
    objects: ObjectStore
    downloader: Downloader
    clock: Clock

    @property
    def follower(self) -> Follower:
        """Records the links of changed calls, and the calls that were deleted."""
        return Follower(name="recordings", step=self._note)

    @property
    def kind(self) -> JobKind:
        """Downloads or removes a call's recording."""
        return JobKind(
            name=RECORDING,
            run=self._archive,
            at_once=AT_ONCE,
            at_once_of_org=AT_ONCE_OF_ORG,
            max_seconds=MAX_SECONDS,
            max_attempts=MAX_TRIES,
            first_wait=timedelta(seconds=30),
            longest_wait=timedelta(hours=6),
        )

    @property
    def _root(self) -> Path | None:
        """The folder in which recordings are stored; `None` for a remote object store."""
        prefix = self.objects.prefix if isinstance(self.objects, LocalStore) else None
        return None if prefix is None else Path(prefix)

    async def _note(self, connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> int:
        calls = await recorded_calls(connection, org_id, after, up_to)
        found = [(call.id, url) for call in calls if (url := _link(call)) is not None]
        due = await note_recordings(connection, org_id, found) if found else []
        if gone := await deleted_calls(connection, org_id, after, up_to):
            due += await drop_recordings(connection, org_id, gone)
        if due:
            await add_jobs(connection, org_id, RECORDING, [str(one) for one in due], self.clock())
        return up_to

    async def _archive(self, job: Begun) -> Done | None:
        org_id, call_id = job.ref.org_id, UUID(job.ref.key)
        wanted = await self.store.wanted(org_id, call_id)
        path = f"{org_id}/{call_id.hex[:2]}/{call_id}"
        try:
            if self._root is not None:
                await asyncio.to_thread(remove_parts, self._root, path)
            if wanted is None:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self.objects, path)
                return None
            if wanted.path is not None:
                return None
            if _NO_CHARACTER in wanted.url:
                raise JobFailed("the link cannot be read", for_good=True)
            stored = await self._downloaded(wanted, path)
        except DownloadFailed as error:
            raise JobFailed(str(error), for_good=error.for_good) from None
        except (BaseError, OSError) as error:
            raise JobFailed(f"the object store: {_first_line(error)}") from None
        await self._report(Org(org_id, job.org_name), wanted)
        write = partial(mark_stored, org_id=org_id, call_id=call_id, stored=stored, at=self.clock())
        return Done(finish=write)

    async def _downloaded(self, wanted: WantedRecording, path: str) -> StoredRecording:
        media_types: list[str] = []
        digest, size = hashlib.sha256(), 0
        writer = obstore.open_writer_async(self.objects, path)
        async for part in self.downloader.download(wanted.url, media_types.append):
            digest.update(part)
            size += len(part)
            await writer.write(part)
        await writer.close()
        if self._root is not None:
            await asyncio.to_thread(make_private, self._root, path)
        return StoredRecording(path, size, media_types[0], digest.digest())

    async def _report(self, org: Org, wanted: WantedRecording) -> None:
        """Report that the call's recording is stored, as a change like any other."""
        sighting = Sighting(
            vendor=wanted.vendor, vendor_call_id=wanted.vendor_call_id, recording=Recording(stored=True)
        )
        origin = Provenance(kind=STORED, source="recordings")
        await self.commits.ingest(org, [Received(sighting, _encode(sighting), origin)])


def _link(call: Call) -> str | None:
    """The link of a call's recording, if it is to be downloaded."""
    recording = call.recording
    if recording is None or not recording.url or recording.stored is True or is_example(recording.url):
        return None
    # PostgreSQL cannot store NUL in a text. The replacement occurs in no link, and the job fails with that
    # reason.
    return recording.url.replace("\0", _NO_CHARACTER)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
