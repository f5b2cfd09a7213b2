"""Live events folded into their call, each at the cost of the few slots that it speaks of.

What the events say and what everything else says are merged anew each time, so that it makes no difference
which came first. The conversation is looked at only where somebody else speaks of the call as well, or where
its events are not held by slot: those of the first event, or of one that came long after the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, Struct, structs

from trunkline.kit.transcript import user_spoke
from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.live import sighting_of_events
from trunkline.model.live_record import advanced, combined, recorded, without_conversation
from trunkline.model.live_slots import EventReplaced, Events, LiveSlots, SlotKey, keys_of, summarized
from trunkline.model.merge import Difference, difference, first_call, merged, unmerged
from trunkline.model.sighting import Sighting
from trunkline.model.versions import Versions
from trunkline.store.calls.current import Key
from trunkline.store.calls.rows import PendingCall, StoredCall, StoredLive, base_of
from trunkline.store.calls.writes import WriteTransaction
from trunkline.store.live import LiveUpdate, live_conversation, lost_of, whole_conversation

REST_AFTER_END = timedelta(seconds=10)
REST = timedelta(minutes=10)
"""How long nothing is told of a call before its transcript is put together, after its end and else."""

MANY = 500
"""Events from which on it takes a thread to go through them, so that others are answered meanwhile."""

_encode = msgspec.json.Encoder().encode


class CallBatch(Struct):
    """What came of one call in a batch."""

    key: Key
    known: StoredCall | None
    sightings: Sequence[tuple[Sighting, datetime]]
    """All but events, with the times that stand in for theirs."""
    events: Sequence[bytes]
    """Those that are new."""
    new_id: str
    """The id that the call gets if it is not known."""
    has_unstored_facts: bool


class LiveFold(Struct):
    """What a batch comes to for a call that events were told of."""

    draft: PendingCall
    is_changed: bool
    """Whether the call is another one than before."""
    sightings_changed: list[bool]
    events_changed: bool
    update: LiveUpdate | None = None
    """`None` if nothing is to be written."""


class LiveEvents:
    """Folds what came in one transaction."""

    def __init__(self, writing: WriteTransaction, now: datetime) -> None:
        self._writing = writing
        self._now = now

    async def fold(self, batch: Sequence[CallBatch]) -> list[LiveFold]:
        """Fold what came of some calls, in their order."""
        wanted = {
            one.known.call.id: keys_of(one.events)
            for one in batch
            if one.known is not None and _may_advance(one)
        }
        slots = await self._writing.live.some(wanted) if wanted else {}
        return [await self._fold_one(one, slots) for one in batch]

    async def _fold_one(self, one: CallBatch, slots: Mapping[str, Mapping[SlotKey, Events]]) -> LiveFold:
        if one.known is not None and one.known.call.id in slots:
            fold = self._advanced(one, one.known, slots[one.known.call.id])
            if fold is not None:
                return fold
        if one.known is not None and not (one.events or one.sightings):
            return LiveFold(_draft(one, one.known.call, one.known.versions), False, [], False)
        return await self._whole(one)

    def _advanced(
        self, one: CallBatch, known: StoredCall, found: Mapping[SlotKey, Events]
    ) -> LiveFold | None:
        """The call moved on by events alone; `None` if that takes more than the slots that they speak of."""
        live = _live_of(known)
        slots = LiveSlots(live.record.summary, found)
        try:
            slots.add(one.events)
        except EventReplaced:
            return None
        base = EncodedCall(live.base).call()
        record = structs.replace(live.record, summary=slots.summary)
        made = advanced(base, record)
        if made is None:
            return None
        call, stamps = made
        # The places of tool calls are places among the turns.
        moved = (slots.moved and "tool_calls" in record.held) or "turns" in slots.moved & {*record.held}
        changed = bool(moved) or call != without_conversation(known.call)
        fold = LiveFold(_draft(one, call, stamps, record.user_spoke), changed, [], changed)
        if slots.written or _encode(record) != _encode(live.record):
            fold.update = LiveUpdate(call.id, base, record, live.lost, self._due_at(call), slots)
        return fold

    async def _whole(self, one: CallBatch) -> LiveFold:
        known = await self._read_whole(one)
        base, stamps, before = await self._apart(one, known)
        standing_base, standing_stamps = base, stamps
        sightings = list(one.sightings)
        if known is None and sightings:
            first, at = sightings.pop(0)
            base, stamps = first_call(first, one.new_id, at)
        standing = base if known is None else known.call
        changed = []
        for sighting, at in sightings:
            base, stamps = merged(base, stamps, sighting, at)
            call, _ = combined(base, stamps, before)
            changed.append(call != standing)
            standing = call
        if known is not None and not one.events and (base, stamps) == (standing_base, standing_stamps):
            return LiveFold(_draft(one, known.call, known.versions), False, changed, False)
        is_warm = known is not None and known.live is not None and known.live.is_warm
        if one.events or is_warm:
            call, call_stamps, update = await self._with_slots(one, known, base, stamps)
        else:
            call, call_stamps = combined(base, stamps, before)
            live = None if known is None else known.live
            if live is None:
                raise TypeError("no events were told of it")
            record = recorded(live.record.summary, base, stamps, call, before)
            update = LiveUpdate(
                call.id, base, record, lost_of(base, record), None, conversation=whole_conversation(call)
            )
        is_changed = known is None or call != known.call
        draft = _draft(one, call, call_stamps, user_spoke(call))
        return LiveFold(draft, is_changed, changed, call != standing, update)

    async def _read_whole(self, one: CallBatch) -> StoredCall | None:
        """What is known of a call with its conversation."""
        if one.known is None or one.known.is_whole:
            return one.known
        return (await self._writing.current([one.key])).stored[one.key]

    async def _apart(self, one: CallBatch, known: StoredCall | None) -> tuple[Call, Versions, Sighting]:
        """What everything but events said of a call before this batch, and what events said."""
        nothing = sighting_of_events(*one.key, [])
        if known is None:
            named = Sighting(vendor=one.key[0], vendor_call_id=one.key[1])
            return *first_call(named, one.new_id, self._now), nothing
        live = known.live
        if live is None:
            # Of a call from before its events were held by slot they are taken out as they were taken in.
            new = set(one.events)
            told = sighting_of_events(
                *one.key, [raw for raw in await self._writing.events(one.key) if raw not in new]
            )
            return *_without_events(known, told), told
        if live.is_warm:
            slots = LiveSlots(live.record.summary, await self._writing.live.every(known.call.id))
            return base_of(known), live.record.stamps, slots.whole(*one.key)
        told = summarized(*one.key, live.record.summary)
        for name in live.record.held:
            setattr(told, name, getattr(known.call, name))
        return base_of(known), live.record.stamps, told

    async def _with_slots(
        self, one: CallBatch, known: StoredCall | None, base: Call, stamps: Versions
    ) -> tuple[Call, Versions, LiveUpdate]:
        """The call with its events, whose slots are there then, and all that is to be written of them."""
        slots, replaces = await self._slots(one, known)
        events = slots.whole(*one.key)
        call, call_stamps = combined(base, stamps, events)
        record = recorded(slots.summary, base, stamps, call, events)
        update = LiveUpdate(
            call.id,
            base,
            record,
            None,
            self._due_at(call),
            slots,
            replaces,
            live_conversation(base, record),
        )
        return call, call_stamps, update

    async def _slots(self, one: CallBatch, known: StoredCall | None) -> tuple[LiveSlots, bool]:
        """All slots of a call with the new events, and whether they were made anew."""
        if known is not None and known.live is not None and known.live.is_warm:
            slots = LiveSlots(known.live.record.summary, await self._writing.live.every(known.call.id))
            try:
                slots.add(one.events)
            except EventReplaced:
                pass
            else:
                return slots, False
        events = await self._writing.events(one.key)
        if len(events) < MANY:
            return LiveSlots.of(events), True
        return await asyncio.to_thread(LiveSlots.of, events), True

    def _due_at(self, call: Call) -> datetime:
        return self._now + (REST_AFTER_END if call.status.is_final else REST)


class ReprocessResult(Struct):
    """A call as it follows from what is kept of it."""

    draft: PendingCall
    difference: Difference
    """From the call as it stands."""
    update: LiveUpdate | None = None


def reprocess(
    key: Key, known: StoredCall, fold: Callable[[StoredCall], tuple[Call, Versions]], events: Sequence[bytes]
) -> ReprocessResult:
    """A call with events as it follows from what is kept of it.

    `fold` makes the call without its events, given what is known of that. Where anything differs the slots
    are dropped, to be made anew by the next event.
    """
    told = sighting_of_events(*key, events)
    standing, standing_stamps = _without_events(known, told)
    base, stamps = fold(structs.replace(known, call=standing, versions=standing_stamps))
    call, call_stamps = combined(base, stamps, told)
    draft = PendingCall(
        without_conversation(call),
        call_stamps,
        known.revision,
        has_unstored_facts=known.has_unstored_facts,
        user_spoke=user_spoke(call),
    )
    found = difference(known.call, call_stamps, call, call_stamps)
    if (
        found is Difference.NONE
        and known.live is not None
        and difference(standing, standing_stamps, base, stamps) is Difference.NONE
    ):
        return ReprocessResult(draft, found)
    record = recorded(LiveSlots.of(events).summary, base, stamps, call, told)
    update = LiveUpdate(
        call.id,
        base,
        record,
        lost_of(base, record),
        None,
        replaces=True,
        conversation=whole_conversation(call),
    )
    return ReprocessResult(draft, found, update)


def _without_events(known: StoredCall, told: Sighting) -> tuple[Call, Versions]:
    """A call without its events; of one whose events were never held by slot they are taken out."""
    if known.live is not None:
        return base_of(known), known.live.record.stamps
    if told.as_of is UNSET:
        return known.call, known.versions
    return unmerged(known.call, known.versions, told, known.call.created_at)


def _may_advance(one: CallBatch) -> bool:
    """Whether the call may be moved on by the slots alone that its events speak of."""
    live = None if one.known is None else one.known.live
    return live is not None and live.is_warm and bool(one.events) and not one.sightings


def _live_of(known: StoredCall) -> StoredLive:
    if known.live is None:
        raise TypeError("no events were told of it")
    return known.live


def _draft(one: CallBatch, call: Call, stamps: Versions, spoke: bool | None = None) -> PendingCall:
    revision = 0 if one.known is None else one.known.revision
    return PendingCall(
        without_conversation(call),
        stamps,
        revision,
        has_unstored_facts=one.has_unstored_facts,
        user_spoke=spoke,
    )
