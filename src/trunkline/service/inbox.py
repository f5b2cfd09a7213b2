"""The inbox: payloads that could not be read or that name no call are listed, read again, or dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from trunkline.kit.call_ids import CallIds
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import is_uuid
from trunkline.model.inbox import (
    CountInbox,
    DropInbox,
    GetInboxPayload,
    InboxContent,
    InboxCounts,
    InboxDropped,
    InboxPage,
    InboxRetried,
    InboxState,
    ListInbox,
    RetryInbox,
    StillUnread,
)
from trunkline.service.calls import Org
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.group_commit import GroupCommit
from trunkline.service.intake import TooManyWriters
from trunkline.service.received import PRINTED, Received
from trunkline.service.threads import WorkThreads
from trunkline.store.inbox import InboxStore, InboxTotal

log = structlog.get_logger(__name__)

ReadAgain = Callable[[InboxContent], Sequence[Received]]
"""What a payload is today: its calls, and what in it still cannot be read."""


class Inbox:
    """Reads an org's inbox, and takes payloads out of it."""

    def __init__(
        self,
        store: InboxStore,
        group_commit: GroupCommit,
        read_again: ReadAgain,
        threads: WorkThreads | None = None,
    ) -> None:
        self._threads = threads or WorkThreads()
        self._store = store
        self._group_commit = group_commit
        self._read_again = read_again

    async def page(self, org: Org, intent: ListInbox, _: CallIds) -> InboxPage:
        """Some payloads, what arrived last first; raises `Refused` for a position in another org's inbox."""
        if intent.after is not None and intent.org != org.name:
            raise Refused(Fault.BAD_CURSOR, "page_token belongs to another org", "page_token")
        source_id = None if intent.source_id is None else UUID(intent.source_id)
        entries = await self._store.listed(
            org.id,
            intent.limit + 1,
            source_id=source_id,
            vendor=intent.vendor,
            state=intent.state,
            after=intent.after,
        )
        total = None
        if intent.with_total:
            total = await self._store.total(org.id, source_id, intent.vendor, intent.state)
        return InboxPage(
            org=org.name,
            entries=entries[: intent.limit],
            counts=await self._store.counts(org.id),
            has_more=len(entries) > intent.limit,
            total=total,
        )

    async def one(self, org: Org, intent: GetInboxPayload, _: CallIds) -> InboxContent:
        """One payload with its content; raises `Refused` with `PAYLOAD_NOT_FOUND`."""
        found = await self._store.one(org.id, UUID(intent.id)) if is_uuid(intent.id) else None
        if found is None:
            raise Refused(Fault.PAYLOAD_NOT_FOUND, intent.id)
        return found

    async def count(self, org: Org, _: CountInbox, __: CallIds) -> InboxCounts:
        """What there is of each source, and what was dropped."""
        return InboxCounts(await self._store.counts(org.id))

    async def retry(self, org: Org, intent: RetryInbox, _: CallIds) -> InboxRetried:
        """Read payloads again, one at a time; those that can be read are ingested and taken out.

        Whatever is wrong with one of them, the others are read. Raises `Refused` with `PAYLOAD_NOT_FOUND` for
        an id that the inbox does not have, before anything is read.
        """
        ids = await self._ids(org, intent)
        result = InboxRetried(unread=[])
        for entry_id in ids:
            content = await self._store.one(org.id, entry_id)
            if content is not None:  # it may have been dropped meanwhile
                await self._retry(org, entry_id, content, result)
        return result

    async def _retry(self, org: Org, entry_id: UUID, content: InboxContent, result: InboxRetried) -> None:
        try:
            received = await self._threads.run(org.id, self._read_again, content)
        except Exception as error:  # a fault of ours in reading one payload must not keep the others waiting
            log.exception("payload not read", org=org.name, payload=str(entry_id))
            reason = f"{type(error).__name__}: {error}"
            await self._stays(org, entry_id, InboxState.UNREADABLE, reason, result)
            return
        calls = sum(one.sighting is not None for one in received)
        if calls == 0:
            first = received[0].provenance if received else PRINTED
            state = InboxState.NO_CALL if first.problem is None else InboxState.UNREADABLE
            reason = first.problem or first.note or "it names no call"
            await self._stays(org, entry_id, state, reason, result)
            return
        # What of it cannot be read goes back into the inbox by itself; a deleted call stays deleted.
        try:
            await self._group_commit.ingest(org, received)
        except (*DATABASE_DOWN, Refused, TooManyWriters):
            raise  # the log is unavailable, whatever the payload is
        except Exception as error:
            log.exception("payload not stored", org=org.name, payload=str(entry_id))
            reason = f"{type(error).__name__}: {error}"
            await self._stays(org, entry_id, InboxState.UNREADABLE, reason, result)
            return
        await self._store.delete(org.id, [entry_id])
        result.read += 1
        result.calls += calls

    async def _stays(
        self, org: Org, entry_id: UUID, state: InboxState, reason: str, result: InboxRetried
    ) -> None:
        await self._store.still_unread(org.id, entry_id, state, reason)
        result.unread.append(StillUnread(str(entry_id), reason))

    async def drop(self, org: Org, intent: DropInbox, _: CallIds) -> InboxDropped:
        """Delete payloads for good; raises `Refused` with `PAYLOAD_NOT_FOUND` if one of the ids is none."""
        if intent.ids is not None:
            await self._ids(org, intent)
        source_id = None if intent.source_id is None else UUID(intent.source_id)
        ids = None if intent.ids is None else [UUID(one) for one in intent.ids]
        return InboxDropped(await self._store.delete(org.id, ids, source_id, intent.vendor))

    async def _ids(self, org: Org, intent: RetryInbox | DropInbox) -> list[UUID]:
        for one in intent.ids or ():
            if not is_uuid(one):
                raise Refused(Fault.PAYLOAD_NOT_FOUND, one)
        wanted = None if intent.ids is None else [UUID(one) for one in intent.ids]
        source_id = None if intent.source_id is None else UUID(intent.source_id)
        found = await self._store.ids(org.id, wanted, source_id, intent.vendor)
        for missing in [] if wanted is None else [one for one in wanted if one not in found]:
            raise Refused(Fault.PAYLOAD_NOT_FOUND, str(missing))
        return found

    async def totals(self) -> tuple[list[InboxTotal], list[tuple[str, int]]]:
        """What there is in all orgs together, and what was dropped, by vendor."""
        return await self._store.totals()
