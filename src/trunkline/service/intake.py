"""Intake: sightings become calls, each call once, however its sightings arrived.

A batch is one transaction. It first reserves sequence numbers of the org, so that writers of one org run one
after another, in all processes; then payloads are stored, and the calls in them are read, merged and written.
Merging does not depend on order, so it does not matter which writer was first.

A payload without a time of its own counts from its arrival. A repeated delivery is the same delivery, with
its first arrival; an answer of a vendor's API, or a client's report, that repeats is true again, and counts
from its last arrival.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
from msgspec import UNSET, Struct

from trunkline.model.ids import call_id, derived_call_id
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.live_events import CallBatch, LiveEvents, LiveFold
from trunkline.service.received import HOOK, Received, Result, State, is_event, key_of, payload_key
from trunkline.store.calls.rows import PendingCall, StoredCall, row_of
from trunkline.store.calls.writes import (
    CallWriter,
    IdConflict,
    Key,
    Payload,
    PayloadKey,
    Repeat,
    WriteTransaction,
)
from trunkline.store.live import LiveUpdate

_TRIES = 5
_MANY = 50
"""From this many calls on, it pays to check first whether all of them are new."""


class IngestSummary(Struct):
    """How many sightings changed the log, changed nothing, or were of deleted calls."""

    stored: int = 0
    unchanged: int = 0
    deleted: int = 0


class MergeResult(Struct):
    """Sightings of one call merged into what is to be written, and the result of each of them."""

    pending: PendingCall
    states: list[State]


class PreparedBatch(Struct):
    """A batch that is ready to be stored: its sightings by call, and what new calls they make."""

    received: Sequence[Received]
    calls: dict[Key, list[Received]]
    merged: dict[Key, MergeResult]
    """The calls as if all were new; empty if that is not expected."""
    payloads: list[Payload]
    now: datetime


class CallResult(Struct, frozen=True):
    """The result of the sightings of one call."""

    call_id: str | None
    states: list[State]


class TooManyWriters(RuntimeError):
    """Other writers kept conflicting; nothing of this batch is stored, and it may be tried again."""


class Intake:
    """Stores sightings."""

    def __init__(self, writer: CallWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def ingest(self, org: Org, batch: Sequence[Received], source: str) -> IngestSummary:
        """Store a batch; every sighting in it is either stored or changes nothing."""
        return await self.commit(org, self.prepare(batch, source))

    async def ingest_each(self, org: Org, batch: Sequence[Received], source: str = "") -> list[Result]:
        """Store a batch and return the result of each sighting, in their order."""
        return await self._commit(org, self.prepare(batch, source))

    def prepare(self, batch: Sequence[Received], source: str) -> PreparedBatch:
        """Prepare a batch; this may run in a thread while another one is stored."""
        now = self._clock()
        calls: dict[Key, list[Received]] = {}
        for seen in batch:
            if seen.sighting is not None:
                calls.setdefault(key_of(seen.sighting), []).append(seen)
        folded: dict[Key, MergeResult] = {}
        if len(calls) >= _MANY and not any(map(is_event, batch)):
            folded = {
                key: _merge(_call_batch(key, sightings, None, {}, now, derived_id=False))
                for key, sightings in calls.items()
            }
            for fold in folded.values():
                row_of(fold.pending)
        return PreparedBatch(batch, calls, folded, _payloads(batch, source), now)

    async def commit(self, org: Org, batch: PreparedBatch) -> IngestSummary:
        """Store a prepared batch."""
        taken = IngestSummary()
        for result in await self._commit(org, batch):
            if result.state in (State.NEW, State.CHANGED):
                taken.stored += 1
            elif result.state is State.DELETED:
                taken.deleted += 1
            else:
                taken.unchanged += 1
        return taken

    async def _commit(self, org: Org, batch: PreparedBatch) -> list[Result]:
        if not batch.received:
            return []
        derived: set[Key] = set()
        for _ in range(_TRIES):
            try:
                async with self._writer.transaction(org.id, len(batch.calls)) as writing:
                    done = await self._write(writing, batch, derived)
            except IdConflict:
                derived |= await self._id_conflicts(org, batch, derived)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                continue
            else:
                return _results(batch, done)
        raise TooManyWriters("others kept writing the same calls; try again")

    async def _write(
        self, transaction: WriteTransaction, batch: PreparedBatch, derived: set[Key]
    ) -> dict[Key, CallResult]:
        of_events = {key for key, seen in batch.calls.items() if all(is_event(one) for one in seen)}
        standing = await transaction.current(list(batch.calls), of_events)
        gone = standing.deleted
        kept = [payload for payload in batch.payloads if (payload.vendor, payload.vendor_call_id) not in gone]
        repeats = await transaction.store_payloads(kept, batch.now)
        done: dict[Key, CallResult] = {}
        drafts: list[PendingCall] = []
        confirmed: list[PendingCall] = []
        live: list[CallBatch] = []
        for key, seen in batch.calls.items():
            if key in gone:
                done[key] = CallResult(None, [State.DELETED] * len(seen))
                continue
            known = standing.stored.get(key)
            fold = batch.merged.get(key) if known is None and key not in derived else None
            if fold is None:
                call_batch = _call_batch(key, seen, known, repeats, batch.now, derived_id=key in derived)
                if any(map(is_event, seen)) or (known is not None and known.live is not None):
                    live.append(call_batch)
                    continue
                fold = _merge(call_batch)
            done[key] = CallResult(fold.pending.call.id, fold.states)
            if known is None or any(state is not State.UNCHANGED for state in fold.states):
                drafts.append(fold.pending)
            elif fold.pending.versions is not known.versions:
                confirmed.append(fold.pending)
        updates: list[LiveUpdate] = []
        for call_batch, live_fold in zip(
            live, await LiveEvents(transaction, batch.now).fold(live), strict=True
        ):
            states = _states_of_live(batch.calls[call_batch.key], call_batch.known, live_fold)
            done[call_batch.key] = CallResult(live_fold.draft.call.id, states)
            if live_fold.is_changed:
                drafts.append(live_fold.draft)
            elif live_fold.update is not None and call_batch.sightings:
                confirmed.append(live_fold.draft)
            if live_fold.update is not None:
                updates.append(live_fold.update)
        await transaction.write(drafts)
        await transaction.confirm(confirmed)
        await transaction.live.write(updates)
        return done

    async def _id_conflicts(self, org: Org, batch: PreparedBatch, derived: set[Key]) -> set[Key]:
        """Calls whose canonical id belongs to another call, stored or in the batch."""
        wanted = {
            key: _wanted_id(seen[0].sighting, derived=key in derived)
            for key, seen in batch.calls.items()
            if seen[0].sighting is not None
        }
        owners = await self._writer.owners(org.id, sorted(set(wanted.values())))
        clashing = set()
        for key, one in wanted.items():
            if owners.setdefault(one, key) != key:
                clashing.add(key)
        return clashing


def _times(
    received: Sequence[Received], repeats: Mapping[PayloadKey, Repeat], now: datetime
) -> list[datetime]:
    """The times that count for sightings without one."""
    if not repeats:
        return [now] * len(received)
    times = []
    for one in received:
        repeat = None if one.raw is None else repeats.get(payload_key(one))
        if repeat is None:
            times.append(now)
        else:
            times.append(repeat.received_at if repeat.kind == HOOK else repeat.last_received_at)
    return times


def _call_batch(
    key: Key,
    seen: Sequence[Received],
    known: StoredCall | None,
    repeats: Mapping[PayloadKey, Repeat],
    now: datetime,
    *,
    derived_id: bool,
) -> CallBatch:
    """The result for one call; with `derived_id` if its canonical id belongs to another call."""
    times = _times(seen, repeats, now)
    return CallBatch(
        key=key,
        known=known,
        sightings=[
            (one.sighting, at)
            for one, at in zip(seen, times, strict=True)
            if one.sighting is not None and not is_event(one)
        ],
        events=[
            one.raw
            for one in seen
            if one.raw is not None and is_event(one) and (not repeats or payload_key(one) not in repeats)
        ],
        new_id=_wanted_id(seen[0].sighting, derived=derived_id),
        has_unstored_facts=any(one.raw is None for one in seen),
    )


def _merge(call_batch: CallBatch) -> MergeResult:
    """Merge sightings into the stored call."""
    known, sightings = call_batch.known, list(call_batch.sightings)
    states: list[State] = []
    if known is None:
        first, at = sightings.pop(0)
        call, stamps = first_call(first, call_batch.new_id, at)
        revision = 0
        states.append(State.NEW)
    else:
        call, stamps, revision = known.call, known.versions, known.revision
    for sighting, at in sightings:
        more, stamps = merged(call, stamps, sighting, at)
        states.append(State.UNCHANGED if more is call else State.CHANGED)
        call = more
    return MergeResult(
        PendingCall(call, stamps, revision, has_unstored_facts=call_batch.has_unstored_facts), states
    )


def _states_of_live(seen: Sequence[Received], known: StoredCall | None, fold: LiveFold) -> list[State]:
    """The result of each sighting of a live call; all its events count together."""
    new = [State.NEW] if known is None and not all(map(is_event, seen)) else []
    changed = [State.CHANGED if one else State.UNCHANGED for one in fold.sightings_changed]
    of_events = State.CHANGED if fold.events_changed else State.UNCHANGED
    if known is None and not new:
        of_events = State.NEW
    states = iter([*new, *changed])
    return [of_events if is_event(one) else next(states) for one in seen]


def _wanted_id(sighting: Sighting | None, *, derived: bool) -> str:
    if sighting is None:
        raise TypeError("a payload that names no call makes none")
    key = key_of(sighting)
    if derived:
        return derived_call_id(*key)
    return sighting.id if sighting.id is not UNSET else call_id(*key)


def _results(batch: PreparedBatch, done: dict[Key, CallResult]) -> list[Result]:
    states = {key: iter(one.states) for key, one in done.items()}
    return [
        Result(State.NOTED) if seen.sighting is None else Result(next(states[key]), done[key].call_id)
        for seen in batch.received
        for key in [key_of(seen.sighting) if seen.sighting is not None else ("", "")]
    ]


def _payloads(batch: Sequence[Received], source: str) -> list[Payload]:
    payloads: dict[PayloadKey, Payload] = {}
    for seen in batch:
        if seen.raw is None:
            continue
        vendor, name, digest = key = payload_key(seen)
        known = payloads.get(key)
        if known is not None:
            known.times += 1
            continue
        payloads[key] = Payload(
            vendor=vendor,
            vendor_call_id=name,
            hash=digest,
            body=seen.raw,
            kind=seen.provenance.kind,
            content_type=seen.provenance.content_type,
            source=seen.provenance.source or source,
            source_id=seen.provenance.source_id,
            event=seen.provenance.event,
            unknown=seen.provenance.unknown,
            problem=seen.provenance.problem,
        )
    return list(payloads.values())
