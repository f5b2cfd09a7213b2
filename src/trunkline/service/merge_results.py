"""Sightings of one call folded into what should be written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, Struct

from trunkline.model.ids import call_id, derived_call_id
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.service.live_events import CallBatch, LiveFold
from trunkline.service.received import HOOK, Received, State, is_event, key_of, payload_key
from trunkline.store.calls.current import Key, PayloadKey, Repeat
from trunkline.store.calls.rows import PendingCall, StoredCall, row_of


class MergeResult(Struct):
    """Sightings of one call folded into what should be written, and what came of each of them."""

    pending: PendingCall
    states: list[State]

    @property
    def is_changed(self) -> bool:
        """Whether the call is a new one, or another one than before."""
        return self.states.count(State.UNCHANGED) < len(self.states)


class EarlyMerge(Struct):
    """What a long call came to, found out before the transaction in which it is written."""

    stored: StoredCall | None
    """The call as it was then; the result is valid as long as it is unchanged."""
    times: list[datetime]
    is_derived_id: bool
    result: MergeResult


def times_of(
    received: Sequence[Received], repeats: Mapping[PayloadKey, Repeat], now: datetime
) -> list[datetime]:
    """The moments that stand in for the time of sightings that say none."""
    if not repeats and all(one.arrivals is None for one in received):
        return [now] * len(received)
    times = []
    for one in received:
        repeat = None if one.raw is None else repeats.get(payload_key(one))
        if repeat is None and one.arrivals is not None:
            times.append(one.arrivals.first_at if one.provenance.kind == HOOK else one.arrivals.last_at)
        elif repeat is None:
            times.append(now)
        else:
            times.append(repeat.received_at if repeat.kind == HOOK else repeat.last_received_at)
    return times


def call_batch_of(
    key: Key,
    received: Sequence[Received],
    stored: StoredCall | None,
    repeats: Mapping[PayloadKey, Repeat],
    now: datetime,
    *,
    derived_id: bool,
) -> CallBatch:
    """What came of one call; `derived_id` if the id that it would like is another call's."""
    times = times_of(received, repeats, now)
    return CallBatch(
        key=key,
        stored=stored,
        sightings=[
            (one.sighting, at)
            for one, at in zip(received, times, strict=True)
            if one.sighting is not None and not is_event(one)
        ],
        events=[
            one.raw
            for one in received
            if one.raw is not None and is_event(one) and (not repeats or payload_key(one) not in repeats)
        ],
        new_id=wanted_id(received[0].sighting, derived=derived_id),
        has_unstored_facts=any(one.raw is None for one in received),
    )


def merge_result(call_batch: CallBatch) -> MergeResult:
    """Fold sightings into what is known of their call."""
    stored, sightings = call_batch.stored, list(call_batch.sightings)
    states: list[State] = []
    if stored is None:
        first, at = sightings.pop(0)
        call, versions = first_call(first, call_batch.new_id, at)
        revision = 0
        states.append(State.NEW)
    else:
        call, versions, revision = stored.call, stored.versions, stored.revision
    for sighting, at in sightings:
        more, versions = merged(call, versions, sighting, at)
        states.append(State.UNCHANGED if more is call else State.CHANGED)
        call = more
    return MergeResult(
        PendingCall(call, versions, revision, has_unstored_facts=call_batch.has_unstored_facts), states
    )


def merged_row(call_batch: CallBatch) -> MergeResult:
    """The same, with the row that the call comes to where one is to be written: all of the work."""
    result = merge_result(call_batch)
    if result.is_changed:
        row_of(result.pending)
    return result


def states_of_live(received: Sequence[Received], stored: StoredCall | None, fold: LiveFold) -> list[State]:
    """The result of each sighting of a live call; all its events count together."""
    new = [State.NEW] if stored is None and not all(map(is_event, received)) else []
    changed = [State.CHANGED if one else State.UNCHANGED for one in fold.sightings_changed]
    of_events = State.CHANGED if fold.events_changed else State.UNCHANGED
    if stored is None and not new:
        of_events = State.NEW
    states = iter([*new, *changed])
    return [of_events if is_event(one) else next(states) for one in received]


def wanted_id(sighting: Sighting | None, *, derived: bool) -> str:
    """The canonical id of a new call; one that is `derived` cannot be another call's own."""
    if sighting is None:
        raise TypeError("a payload that names no call makes none")
    key = key_of(sighting)
    if derived:
        return derived_call_id(*key)
    return sighting.id if sighting.id is not UNSET else call_id(*key)


def raw_bytes(batch: Sequence[Received]) -> int:
    """Bytes of the payloads; one that speaks of several calls counts once."""
    return sum({id(one.raw): len(one.raw) for one in batch if one.raw is not None}.values())
