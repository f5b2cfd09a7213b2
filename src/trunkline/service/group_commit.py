"""Commits shared by many writers: everything that waits for the same org is stored in one transaction.

A commit costs one flush to disk, however much is in it. While one transaction of an org runs, new writes
wait and go into the next one together. A writer is answered after the commit that contains its calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from trunkline.service.calls import Org
from trunkline.service.intake import Intake
from trunkline.service.limits import OrgLimits
from trunkline.service.merge_results import raw_bytes
from trunkline.service.received import Received, Result

MAX_SHARED = 500
"""Sightings in one transaction, unless a single writer brings more."""

_OF_ONE_WRITER = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""Errors that one writer's calls may cause; each writer is then tried alone."""


class _Writer(Struct):
    received: Sequence[Received]
    results: asyncio.Future[list[Result]]

    @property
    def size_bytes(self) -> int:
        return raw_bytes(self.received)


class GroupCommit:
    """Stores the sightings of writers, for each org in order of arrival."""

    def __init__(self, intake: Intake, limits: OrgLimits | None = None) -> None:
        self._intake = intake
        self._limits = limits or OrgLimits.of(1)
        self._queues: dict[Org, list[_Writer]] = {}
        self._tasks: dict[Org, asyncio.Task[None]] = {}

    async def ingest(self, org: Org, received: Sequence[Received]) -> list[Result]:
        """Store sightings and return the result of each; they are committed then.

        Raises `Refused` with `UNAVAILABLE` if too much waits, and what the driver raises. Nothing of what a
        single writer brings is stored in part.
        """
        writer = _Writer(received, asyncio.get_running_loop().create_future())
        writes, payloads = self._limits.writes, self._limits.write_bytes
        # A write without a payload counts too, and one larger than the share counts as a whole share.
        count = min(max(len(received), 1), writes.share)
        size_bytes = min(max(writer.size_bytes, 1), payloads.share)
        writes.take(org.id, count)
        try:
            payloads.take(org.id, size_bytes)
            try:
                self._queues.setdefault(org, []).append(writer)
                if org not in self._tasks:
                    self._tasks[org] = asyncio.create_task(self._run(org))
                return await writer.results
            finally:
                payloads.release(org.id, size_bytes)
        finally:
            writes.release(org.id, count)

    async def close(self) -> None:
        """Wait until every submitted sighting is stored."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _run(self, org: Org) -> None:
        try:
            while waiting := self._queues.pop(org, []):
                while waiting:
                    sharing, size = 0, 0
                    while sharing < len(waiting) and (sharing == 0 or size < MAX_SHARED):
                        size += len(waiting[sharing].received)
                        sharing += 1
                    await self._commit(org, waiting[:sharing])
                    del waiting[:sharing]
        finally:
            del self._tasks[org]

    async def _commit(self, org: Org, writers: list[_Writer]) -> None:
        """Store the sightings of some writers, together if possible, else each writer's alone."""
        writers = [writer for writer in writers if not writer.results.done()]  # some writers were cancelled
        if not writers:
            return
        try:
            received = [one for writer in writers for one in writer.received]
            batch = await self._intake.prepare_by_size(org, received)
            async with self._limits.connections.of(org.id):
                results = await self._intake.commit_each(org, batch)
        except Exception as error:  # noqa: BLE001 each writer is owed an answer
            if len(writers) == 1 or not isinstance(error, _OF_ONE_WRITER):
                for writer in writers:
                    if not writer.results.done():
                        writer.results.set_exception(error)
                return
            for writer in writers:
                await self._commit(org, [writer])
            return
        for writer in writers:
            own, results = results[: len(writer.received)], results[len(writer.received) :]
            if not writer.results.done():
                writer.results.set_result(own)
