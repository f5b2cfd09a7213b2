"""Intake: sightings become calls, each call once, however its sightings arrived.

A batch is one transaction. It first reserves sequence numbers of the org, so that writers of one org run one
after another, in all processes; then payloads are stored, and the calls in them are read, merged and written.
Merging does not depend on order, so it does not matter which writer was first.

A payload without a time of its own counts from its arrival. A repeated delivery is the same delivery, with
its first arrival; an answer of a vendor's API, or a client's report, that repeats is true again, and counts
from its last arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
from msgspec import Struct

from trunkline.model.inbox import InboxState
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.live_events import CallBatch, LiveEvents, LiveFold
from trunkline.service.merge_results import (
    EarlyMerge,
    MergeResult,
    call_batch_of,
    merged_row,
    raw_bytes,
    states_of_live,
    times_of,
    wanted_id,
)
from trunkline.service.received import Received, Result, State, is_event, key_of, payload_key
from trunkline.service.threads import INLINE_BYTES, WorkThreads
from trunkline.store.calls.current import EARLY_BYTES, Key, LongCalls, PayloadKey
from trunkline.store.calls.rows import PendingCall, StoredCall
from trunkline.store.calls.writes import CallWriter, IdConflict, Payload, WriteTransaction
from trunkline.store.inbox import UnreadPayload
from trunkline.store.live import LiveUpdate

ORG_IS_LOCKED = "another writer has held the calls of your org for too long; try again"

_TRIES = 5
_EARLY_TRIES = 3
"""How often a long call is folded before the transaction, if it is another one each time when that begins."""

_STEP_CALLS = 20
"""Calls that are folded before others are let in."""

_MANY = 50
"""From this many calls on, it pays to check first whether all of them are new."""


class IngestSummary(Struct):
    """How many sightings changed the log, changed nothing, or were of deleted calls."""

    stored: int = 0
    unchanged: int = 0
    deleted: int = 0


class PreparedBatch(Struct):
    """A batch that is ready to be stored: its sightings by call, and what new calls they make."""

    received: Sequence[Received]
    calls: dict[Key, list[Received]]
    merged: dict[Key, MergeResult]
    """The calls as if all were new; empty if that is not expected."""
    payloads: list[Payload]
    unread: list[UnreadPayload]
    """Payloads that name no call."""
    now: datetime
    long_keys: list[Key]
    """Calls whose payloads alone are so long that they are folded before the transaction."""


class CallResult(Struct, frozen=True):
    """The result of the sightings of one call."""

    call_id: str | None
    states: list[State]


class TooManyWriters(RuntimeError):
    """Other writers kept conflicting; nothing of this batch is stored, and it may be tried again."""


class Intake:
    """Stores sightings."""

    def __init__(self, writer: CallWriter, clock: Clock, threads: WorkThreads | None = None) -> None:
        self._writer = writer
        self._clock = clock
        self._threads = threads or WorkThreads()

    async def ingest(self, org: Org, batch: Sequence[Received], source: str) -> IngestSummary:
        """Store a batch; every sighting in it is either stored or changes nothing."""
        return await self.commit(org, await self.prepare_by_size(org, batch, source))

    async def ingest_each(self, org: Org, batch: Sequence[Received], source: str = "") -> list[Result]:
        """Store a batch and return the result of each sighting, in their order."""
        return await self.commit_each(org, await self.prepare_by_size(org, batch, source))

    async def prepare_by_size(self, org: Org, batch: Sequence[Received], source: str = "") -> PreparedBatch:
        """Make a batch ready as `prepare` does; a large one in a thread, so that others are answered."""
        if raw_bytes(batch) <= INLINE_BYTES:
            return self.prepare(batch, source)
        return await self._threads.run(org.id, self.prepare, batch, source)

    def prepare(self, batch: Sequence[Received], source: str) -> PreparedBatch:
        """Prepare a batch; this may run in a thread while another one is stored."""
        now = self._clock()
        calls: dict[Key, list[Received]] = {}
        for received in batch:
            if received.sighting is not None:
                calls.setdefault(key_of(received.sighting), []).append(received)
        results: dict[Key, MergeResult] = {}
        if len(calls) >= _MANY and not any(map(is_event, batch)):
            results = {
                key: merged_row(call_batch_of(key, sightings, None, {}, now, derived_id=False))
                for key, sightings in calls.items()
            }
        long_keys = [
            key
            for key, sightings in calls.items()
            if key not in results and raw_bytes(sightings) > EARLY_BYTES and not any(map(is_event, sightings))
        ]
        unread = [_unread(one, source) for one in batch if one.sighting is None and one.raw is not None]
        return PreparedBatch(batch, calls, results, _payloads(batch, source), unread, now, long_keys)

    async def commit(self, org: Org, batch: PreparedBatch) -> IngestSummary:
        """Store a prepared batch."""
        summary = IngestSummary()
        for result in await self.commit_each(org, batch):
            if result.state in (State.NEW, State.CHANGED):
                summary.stored += 1
            elif result.state is State.DELETED:
                summary.deleted += 1
            elif result.state is State.UNCHANGED:
                summary.unchanged += 1
        return summary

    async def commit_each(self, org: Org, batch: PreparedBatch) -> list[Result]:
        """Store a batch that was made ready, and tell what came of each of its sightings.

        A long call takes seconds to read and to fold, in which no other writer of the org should wait. So it
        is folded before the transaction begins, and again if it is another call by then. After a few tries it
        is folded in the transaction, which nobody can come before.
        """
        if not batch.received:
            return []
        derived: set[Key] = set()
        early: dict[Key, EarlyMerge] = {}
        early_tries = 0
        tries = 0
        if batch.long_keys:
            early = await self._fold_early(org, batch, batch.long_keys, derived)
            early_tries += 1
        while tries < _TRIES:
            try:
                async with self._writer.transaction(org.id, len(batch.calls)) as writing:
                    done = await self._write(
                        writing, batch, derived, early, reads_long=early_tries >= _EARLY_TRIES
                    )
            except LongCalls as found:
                early |= await self._fold_early(org, batch, found.keys, derived)
                early_tries += 1
                continue
            except IdConflict:
                derived |= await self._id_conflicts(org, batch, derived)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                pass
            except asyncpg.LockNotAvailableError:
                raise TooManyWriters(ORG_IS_LOCKED) from None
            else:
                return _results(batch, done)
            tries += 1
        raise TooManyWriters("others kept writing the same calls; try again")

    async def _fold_early(
        self, org: Org, batch: PreparedBatch, keys: Sequence[Key], derived: set[Key]
    ) -> dict[Key, EarlyMerge]:
        """Fold long calls as they stand now, while others write."""
        payloads = {key for one in keys for received in batch.calls[one] for key in _payload_keys(received)}
        found = await self._writer.peek(org.id, keys, sorted(payloads), batch.now)

        def fold() -> dict[Key, EarlyMerge]:
            results: dict[Key, EarlyMerge] = {}
            for key in keys:
                stored = found.read(key)
                if stored is not None and stored.live is not None:
                    continue  # its events stand in slots, which only the transaction can read as they are
                received, is_derived = batch.calls[key], key in derived
                call_batch = call_batch_of(
                    key, received, stored, found.repeats, batch.now, derived_id=is_derived
                )
                times = times_of(received, found.repeats, batch.now)
                results[key] = EarlyMerge(stored, times, is_derived, merged_row(call_batch))
            return results

        return await self._threads.run(org.id, fold)

    async def _write(
        self,
        transaction: WriteTransaction,
        batch: PreparedBatch,
        derived: set[Key],
        early: Mapping[Key, EarlyMerge],
        *,
        reads_long: bool,
    ) -> dict[Key, CallResult]:
        of_events = {key for key, received in batch.calls.items() if all(is_event(one) for one in received)}
        before = {key: one.stored for key, one in early.items() if one.stored is not None}
        refuse_long = None if reads_long else lambda key: not any(map(is_event, batch.calls[key]))
        current = await transaction.current(list(batch.calls), of_events, before, refuse_long=refuse_long)
        deleted = current.deleted
        payloads = [
            payload for payload in batch.payloads if (payload.vendor, payload.vendor_call_id) not in deleted
        ]
        repeats = await transaction.store_payloads(payloads, batch.now)
        await transaction.inbox.add(batch.unread, batch.now)
        done: dict[Key, CallResult] = {}
        pending: list[PendingCall] = []
        confirmed: list[PendingCall] = []
        live: list[CallBatch] = []
        count = 0
        for key, received in batch.calls.items():
            if key in deleted:
                done[key] = CallResult(None, [State.DELETED] * len(received))
                continue
            stored = current.stored.get(key)
            fold = batch.merged.get(key) if stored is None and key not in derived else None
            if early and key in early:
                fold = _still_good(early[key], stored, times_of(received, repeats, batch.now), key in derived)
            if fold is None:
                call_batch = call_batch_of(
                    key, received, stored, repeats, batch.now, derived_id=key in derived
                )
                if any(map(is_event, received)) or (stored is not None and stored.live is not None):
                    live.append(call_batch)
                    continue
                size = raw_bytes(received) if stored is None else raw_bytes(received) + stored.size_bytes
                # Writers of one org come one after another, so that an org has no more than one such thread.
                is_short = size <= INLINE_BYTES
                fold = merged_row(call_batch) if is_short else await asyncio.to_thread(merged_row, call_batch)
                count += 1
                if count % _STEP_CALLS == 0:
                    # Many known calls are folded here, in steps: each of them is short, and to read all of
                    # them twice would cost more than the org's other writers wait.
                    await asyncio.sleep(0)
            done[key] = CallResult(fold.pending.call.id, fold.states)
            if stored is None or fold.is_changed:
                pending.append(fold.pending)
            elif fold.pending.versions is not stored.versions:
                confirmed.append(fold.pending)
        updates: list[LiveUpdate] = []
        if live:
            folds = await LiveEvents(transaction, batch.now).fold(live)
            for call_batch, live_fold in zip(live, folds, strict=True):
                states = states_of_live(batch.calls[call_batch.key], call_batch.stored, live_fold)
                done[call_batch.key] = CallResult(live_fold.pending.call.id, states)
                _sort_out(call_batch, live_fold, pending, confirmed, updates)
        await transaction.write(pending)
        await transaction.confirm(confirmed)
        await transaction.live.write(updates)
        return done

    async def _id_conflicts(self, org: Org, batch: PreparedBatch, derived: set[Key]) -> set[Key]:
        """Calls whose canonical id belongs to another call, stored or in the batch."""
        wanted = {
            key: wanted_id(received[0].sighting, derived=key in derived)
            for key, received in batch.calls.items()
            if received[0].sighting is not None
        }
        owners = await self._writer.owners(org.id, sorted(set(wanted.values())))
        clashing = set()
        for key, one in wanted.items():
            if owners.setdefault(one, key) != key:
                clashing.add(key)
        return clashing


def _sort_out(
    call_batch: CallBatch,
    fold: LiveFold,
    pending: list[PendingCall],
    confirmed: list[PendingCall],
    updates: list[LiveUpdate],
) -> None:
    """Put what is to be written of a live call where it belongs."""
    if fold.is_changed:
        pending.append(fold.pending)
    elif fold.update is not None and call_batch.sightings:
        confirmed.append(fold.pending)
    if fold.update is not None:
        updates.append(fold.update)


def _still_good(
    early: EarlyMerge, stored: StoredCall | None, times: list[datetime], is_derived_id: bool
) -> MergeResult | None:
    """What was folded before the transaction, if nothing that it came from is another one now."""
    is_same = early.stored is stored and early.times == times and early.is_derived_id == is_derived_id
    return early.result if is_same else None


def _payload_keys(received: Received) -> list[PayloadKey]:
    return [] if received.raw is None else [payload_key(received)]


def _results(batch: PreparedBatch, done: dict[Key, CallResult]) -> list[Result]:
    states = {key: iter(one.states) for key, one in done.items()}
    return [
        Result(State.NOTED) if received.sighting is None else Result(next(states[key]), done[key].call_id)
        for received in batch.received
        for key in [key_of(received.sighting) if received.sighting is not None else ("", "")]
    ]


def _payloads(batch: Sequence[Received], source: str) -> list[Payload]:
    payloads: dict[PayloadKey, Payload] = {}
    for received in batch:
        if received.raw is None or received.sighting is None:
            continue
        vendor, name, digest = key = payload_key(received)
        stored = payloads.get(key)
        arrivals = received.arrivals
        if stored is not None:
            stored.times += 1 if arrivals is None else arrivals.times
            continue
        payloads[key] = Payload(
            vendor=vendor,
            vendor_call_id=name,
            hash=digest,
            body=received.raw,
            kind=received.provenance.kind,
            content_type=received.provenance.content_type,
            source=received.provenance.source or source,
            source_id=received.provenance.source_id,
            event=received.provenance.event,
            unknown=received.provenance.unknown,
            problem=received.provenance.problem,
            problems=received.sighting.problems or None,
            form=received.provenance.vendor or None,
            times=1 if arrivals is None else arrivals.times,
            received_at=None if arrivals is None else arrivals.first_at,
            last_received_at=None if arrivals is None else arrivals.last_at,
        )
    return list(payloads.values())


def _unread(received: Received, source: str) -> UnreadPayload:
    """A payload that names no call, as the inbox has it."""
    provenance, arrivals = received.provenance, received.arrivals
    return UnreadPayload(
        source=provenance.source or source,
        source_id=provenance.source_id,
        vendor=provenance.vendor,
        kind=provenance.kind,
        state=InboxState.NO_CALL if provenance.problem is None else InboxState.UNREADABLE,
        reason=provenance.problem or provenance.note or "it names no call",
        event=provenance.event,
        place=provenance.place,
        content_type=provenance.content_type,
        content_encoding=provenance.content_encoding,
        body=received.raw or b"",
        times=1 if arrivals is None else arrivals.times,
        received_at=None if arrivals is None else arrivals.first_at,
        last_received_at=None if arrivals is None else arrivals.last_at,
    )
