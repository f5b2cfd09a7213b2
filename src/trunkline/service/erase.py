"""Erasing calls: a deleted call leaves its ids behind and nothing else.

Rows in tables are removed in the transaction of the deletion, by the registry in store/erase.py; the stored
recording after its commit. `clean_up`, which runs in the background, removes what concurrent writers stored
of the call before they saw the deletion, terms and numbers that no call has now, and vacuums.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import asyncpg
import obstore
import structlog
from msgspec import Struct, field
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from trunkline.service.clock import Clock
from trunkline.store.calls.writes import CallWriter
from trunkline.store.erase import EraseStore

log = structlog.get_logger(__name__)

FETCH_GRACE = timedelta(hours=1)
"""After this time a download that was running when its call was deleted has ended."""

_MAX_OBJECTS = 1000


class CleanUpSummary(Struct):
    """The result of a clean-up."""

    orgs: int = 0
    """The number of orgs in which calls had been deleted."""
    files: int = 0
    not_vacuumed: list[str] = field(default_factory=list)
    """Tables that the database user may not vacuum."""


class CleanUpFailed(RuntimeError):
    """A part could not be cleaned up and is tried again; the rest is done."""


class Eraser:
    """Deletes calls, and cleans up after them."""

    def __init__(
        self, writer: CallWriter, store: EraseStore, recordings: Callable[[], ObjectStore], clock: Clock
    ) -> None:
        self._writer = writer
        self._store = store
        self._recordings = recordings
        self._clock = clock

    async def erase(self, org_id: int, call_id: str) -> bool:
        """Delete a call with everything that is stored of it; false if there is none.

        A recording that cannot be deleted now is deleted by the next clean-up.
        """
        if not await self._writer.delete(org_id, call_id):
            return False
        try:
            path = await self._store.object_of(org_id, call_id)
            if path is not None:
                await self._delete_object(path)
        except (BaseError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("recording of a deleted call not deleted yet", call=call_id, error=repr(error)[:200])
        return True

    async def clean_up(self) -> CleanUpSummary:
        """Remove what deleted calls left; raises `CleanUpFailed` if a part could not be removed."""
        summary = CleanUpSummary()
        failures: list[str] = []
        for org_id in await self._store.orgs_with_objects():
            try:
                summary.files += await self._delete_objects(org_id)
            except (BaseError, OSError) as error:
                failures.append(f"recordings of org {org_id}: {repr(error)[:200]}")
        cleaned = []
        for org_id, last_at in await self._store.backlog():
            try:
                await self._store.clean_up(org_id)
            except asyncpg.PostgresError as error:
                failures.append(f"tables of org {org_id}: {repr(error)[:200]}")
            else:
                cleaned.append((org_id, last_at))
        if cleaned:
            summary.not_vacuumed = list(await self._store.vacuum())
            if summary.not_vacuumed:
                log.warning(
                    "deleted calls stay in the database's files until its owner vacuums",
                    tables=summary.not_vacuumed,
                )
        for org_id, last_at in cleaned:
            await self._store.mark_cleaned(org_id, last_at)
        summary.orgs = len(cleaned)
        if failures:
            for failure in failures:
                log.error("not cleaned up", reason=failure)
            raise CleanUpFailed("; ".join(failures)[:500])
        return summary

    async def _delete_objects(self, org_id: int) -> int:
        found = await self._store.objects(org_id, _MAX_OBJECTS)
        for one in found:
            await self._delete_object(one.path)
            if one.erased_at < self._clock() - FETCH_GRACE:
                await self._store.mark_object_deleted(org_id, one.path)
        return len(found)

    async def _delete_object(self, path: str) -> None:
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._recordings(), path)
