"""Reprocessing: calls derived again from their stored payloads, after the reading of a vendor was improved.

A call whose payloads are all stored is what its payloads state now, and nothing else. A call that also has
facts without a payload, as from a file in our own form, keeps those: what its payloads state now is merged
into them.

Payloads are merged with the times at which they were first merged, so that the same call is derived again,
whatever order they arrived in and however often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import structlog
from msgspec import Struct, field

from trunkline.ingest.stored_payload import StoredPayloadReader
from trunkline.kit.door import AnswerExpected
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Call
from trunkline.model.inbox import RetryInbox
from trunkline.model.merge import Difference, difference, first_call, merged
from trunkline.model.versions import Versions
from trunkline.service.calls import Org
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.inbox import Inbox
from trunkline.service.live_events import ReprocessResult, reprocess
from trunkline.service.received import EVENT, HOOK
from trunkline.service.run import OUR_IDS
from trunkline.store.calls.current import Key
from trunkline.store.calls.rows import PendingCall, StoredCall
from trunkline.store.calls.writes import CallWriter, StoredPayload
from trunkline.store.live import LiveUpdate

log = structlog.get_logger(__name__)

BATCH_CALLS = 200


class ReprocessSummary(Struct):
    """The result of deriving an org's calls again."""

    calls: int = 0
    changed: int = 0
    found: int = 0
    """Calls in payloads of the inbox that can be read now."""
    unread: int = 0
    """Payloads that stay in the inbox."""
    unreadable: list[str] = field(default_factory=list)
    """Vendor, id and reason of calls whose payloads cannot be read any more; they are left as they are."""


class Reprocessor:
    """Derives calls again."""

    def __init__(self, writer: CallWriter, inbox: Inbox, reader: StoredPayloadReader) -> None:
        self._writer = writer
        self._inbox = inbox
        self._reader = reader

    async def run(self, org: Org, vendor: str | None = None) -> ReprocessSummary:
        """Derive an org's calls again, one batch per transaction; others may write meanwhile.

        Then the payloads of its inbox are read again. No payload ends the run, whatever is wrong with it.
        """
        derived = ReprocessSummary()
        last: Key = ("", "")
        while keys := await self._writer.named_after(org.id, vendor, last, BATCH_CALLS):
            await self._reprocess(org, keys, derived)
            last = keys[-1]
        retried = await self._inbox.retry(org, RetryInbox(vendor=vendor), OUR_IDS)
        derived.found, derived.unread = retried.calls, len(retried.unread)
        return derived

    async def _reprocess(self, org: Org, keys: Sequence[Key], derived: ReprocessSummary) -> None:
        """Derive some calls again: together, or if that fails each by itself, so that one stops no other."""
        try:
            batch = await self._derive(org, keys)
        except (*DATABASE_DOWN, asyncpg.LockNotAvailableError):
            raise  # the log is unavailable, whatever the calls are
        except Exception as error:
            if len(keys) > 1:
                for key in keys:
                    await self._reprocess(org, [key], derived)
                return
            ((vendor, vendor_call_id),) = keys
            log.exception("call not derived again", vendor=vendor, vendor_call_id=vendor_call_id)
            failed = f"{vendor} {vendor_call_id}: {type(error).__name__}: {error}"
            batch = ReprocessSummary(calls=1, unreadable=[failed])
        derived.calls += batch.calls
        derived.changed += batch.changed
        derived.unreadable += batch.unreadable

    async def _derive(self, org: Org, keys: Sequence[Key]) -> ReprocessSummary:
        derived = ReprocessSummary()
        async with self._writer.transaction(org.id, len(keys)) as writing:
            current = await writing.current(keys)
            payloads = await writing.payloads(keys)
            pending: list[PendingCall] = []
            confirmed: list[PendingCall] = []
            updates: list[LiveUpdate] = []
            for key, stored in current.stored.items():
                derived.calls += 1
                try:
                    one = self._reprocessed(key, stored, payloads.get(key, []))
                except (Unreadable, AnswerExpected) as error:
                    derived.unreadable.append(f"{key[0]} {key[1]}: {error}")
                    continue
                except Exception as error:  # whatever it is, the run goes on with the others
                    log.exception("call not derived again", vendor=key[0], vendor_call_id=key[1])
                    derived.unreadable.append(f"{key[0]} {key[1]}: {type(error).__name__}: {error}")
                    continue
                if one.difference is Difference.VALUES:
                    derived.changed += 1
                    pending.append(one.pending)
                elif one.difference is Difference.VERSIONS:
                    confirmed.append(one.pending)
                if one.update is not None:
                    updates.append(one.update)
            await writing.write(pending)
            await writing.confirm(confirmed)
            await writing.live.write(updates)
        return derived

    def _reprocessed(
        self, key: Key, stored: StoredCall, payloads: Sequence[StoredPayload]
    ) -> ReprocessResult:
        events = [payload.body for payload in payloads if payload.kind == EVENT]
        if events or stored.live is not None:
            return reprocess(key, stored, lambda base: self._merge(key, base, payloads), events)
        call, versions = self._merge(key, stored, payloads)
        pending = PendingCall(call, versions, stored.revision, has_unstored_facts=stored.has_unstored_facts)
        return ReprocessResult(pending, difference(stored.call, stored.versions, call, versions))

    def _merge(
        self, key: Key, current: StoredCall, payloads: Sequence[StoredPayload]
    ) -> tuple[Call, Versions]:
        """What all payloads but events state about a call."""
        state: tuple[Call, Versions] | None = (
            (current.call, current.versions) if current.has_unstored_facts else None
        )
        sightings = [
            (sighting, seen_at)
            for payload in payloads
            if payload.kind != EVENT
            for sighting in self._reader.sightings(
                key[0], payload.form, payload.kind, payload.body, payload.content_type
            )
            if (sighting.vendor, sighting.vendor_call_id) == key
            for seen_at in _times(payload)
        ]
        for sighting, seen_at in sightings:
            state = (
                merged(*state, sighting, seen_at) if state else first_call(sighting, current.call.id, seen_at)
            )
        return state or (current.call, current.versions)


def _times(payload: StoredPayload) -> list[datetime]:
    """The instants at which a payload counts: a delivery only at its first arrival, others at each arrival.

    Arrivals between the first and the last add nothing to these two.
    """
    if payload.kind == HOOK or payload.last_received_at == payload.received_at:
        return [payload.received_at]
    return [payload.received_at, payload.last_received_at]
