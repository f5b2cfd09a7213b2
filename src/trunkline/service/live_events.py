"""Live events merged into their call, each at the cost of the few slots that it concerns.

The state from events and the state from everything else are merged anew each time, so that their order makes
no difference. The transcript is read only if the call was also reported otherwise, or if its events are not
in slots: at its first event, or at one that came long after the others.
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
"""How long a call must rest before its transcript is assembled, after its end and otherwise."""

MANY = 500
"""From this many events on they are processed in a thread, so that others are answered meanwhile."""

_encode = msgspec.json.Encoder().encode


class CallBatch(Struct):
    """The sightings of one call in a batch."""

    key: Key
    stored: StoredCall | None
    sightings: Sequence[tuple[Sighting, datetime]]
    """All but events, with the times that count for those without one."""
    events: Sequence[bytes]
    """New events."""
    new_id: str
    """The id that a new call gets."""
    has_unstored_facts: bool


class LiveFold(Struct):
    """The result of a batch for a live call."""

    pending: PendingCall
    is_changed: bool
    """Whether the call was changed."""
    sightings_changed: list[bool]
    events_changed: bool
    update: LiveUpdate | None = None
    """`None` if nothing is to be written."""


class LiveEvents:
    """Merges the sightings of one transaction."""

    def __init__(self, writing: WriteTransaction, now: datetime) -> None:
        self._writing = writing
        self._now = now

    async def fold(self, batch: Sequence[CallBatch]) -> list[LiveFold]:
        """Merge the sightings of some calls, in their order."""
        wanted = {
            one.stored.call.id: keys_of(one.events)
            for one in batch
            if one.stored is not None and _may_advance(one)
        }
        slots = await self._writing.live.some(wanted) if wanted else {}
        return [await self._fold_one(one, slots) for one in batch]

    async def _fold_one(self, one: CallBatch, slots: Mapping[str, Mapping[SlotKey, Events]]) -> LiveFold:
        if one.stored is not None and one.stored.call.id in slots:
            fold = self._advanced(one, one.stored, slots[one.stored.call.id])
            if fold is not None:
                return fold
        if one.stored is not None and not (one.events or one.sightings):
            return LiveFold(_pending(one, one.stored.call, one.stored.versions), False, [], False)
        return await self._whole(one)

    def _advanced(
        self, one: CallBatch, stored: StoredCall, found: Mapping[SlotKey, Events]
    ) -> LiveFold | None:
        """The call updated by events alone; `None` if that takes more than the slots that they concern."""
        live = _live_of(stored)
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
        call, versions = made
        # The positions of tool calls are positions among the turns.
        moved = (slots.moved and "tool_calls" in record.held) or "turns" in slots.moved & {*record.held}
        changed = bool(moved) or call != without_conversation(stored.call)
        fold = LiveFold(_pending(one, call, versions, record.user_spoke), changed, [], changed)
        if slots.written or _encode(record) != _encode(live.record):
            fold.update = LiveUpdate(call.id, base, record, live.lost, self._due_at(call), slots)
        return fold

    async def _whole(self, one: CallBatch) -> LiveFold:
        stored = await self._read_whole(one)
        base, versions, before = await self._apart(one, stored)
        stored_base, stored_versions = base, versions
        sightings = list(one.sightings)
        if stored is None and sightings:
            first, at = sightings.pop(0)
            base, versions = first_call(first, one.new_id, at)
        current = base if stored is None else stored.call
        changed = []
        for sighting, at in sightings:
            base, versions = merged(base, versions, sighting, at)
            call, _ = combined(base, versions, before)
            changed.append(call != current)
            current = call
        if stored is not None and not one.events and (base, versions) == (stored_base, stored_versions):
            return LiveFold(_pending(one, stored.call, stored.versions), False, changed, False)
        is_warm = stored is not None and stored.live is not None and stored.live.is_warm
        if one.events or is_warm:
            call, call_versions, update = await self._with_slots(one, stored, base, versions)
        else:
            call, call_versions = combined(base, versions, before)
            live = None if stored is None else stored.live
            if live is None:
                raise TypeError("the call has no events")
            record = recorded(live.record.summary, base, versions, call, before)
            update = LiveUpdate(
                call.id, base, record, lost_of(base, record), None, conversation=whole_conversation(call)
            )
        is_changed = stored is None or call != stored.call
        pending = _pending(one, call, call_versions, user_spoke(call))
        return LiveFold(pending, is_changed, changed, call != current, update)

    async def _read_whole(self, one: CallBatch) -> StoredCall | None:
        """A stored call with its transcript."""
        if one.stored is None or one.stored.is_whole:
            return one.stored
        return (await self._writing.current([one.key])).stored[one.key]

    async def _apart(self, one: CallBatch, stored: StoredCall | None) -> tuple[Call, Versions, Sighting]:
        """The state of a call before this batch, from everything but events, and from events."""
        nothing = sighting_of_events(*one.key, [])
        if stored is None:
            named = Sighting(vendor=one.key[0], vendor_call_id=one.key[1])
            return *first_call(named, one.new_id, self._now), nothing
        live = stored.live
        if live is None:
            # In a call from before slots existed, the events are part of the call, and are separated from it.
            new = set(one.events)
            from_events = sighting_of_events(
                *one.key, [raw for raw in await self._writing.events(one.key) if raw not in new]
            )
            return *_without_events(stored, from_events), from_events
        if live.is_warm:
            slots = LiveSlots(live.record.summary, await self._writing.live.every(stored.call.id))
            return base_of(stored), live.record.versions, slots.whole(*one.key)
        from_events = summarized(*one.key, live.record.summary)
        for name in live.record.held:
            setattr(from_events, name, getattr(stored.call, name))
        return base_of(stored), live.record.versions, from_events

    async def _with_slots(
        self, one: CallBatch, stored: StoredCall | None, base: Call, versions: Versions
    ) -> tuple[Call, Versions, LiveUpdate]:
        """The call with its events in slots, and everything that is to be written of them."""
        slots, replaces = await self._slots(one, stored)
        events = slots.whole(*one.key)
        call, call_versions = combined(base, versions, events)
        record = recorded(slots.summary, base, versions, call, events)
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
        return call, call_versions, update

    async def _slots(self, one: CallBatch, stored: StoredCall | None) -> tuple[LiveSlots, bool]:
        """All slots of a call with the new events, and whether they were rebuilt."""
        if stored is not None and stored.live is not None and stored.live.is_warm:
            slots = LiveSlots(stored.live.record.summary, await self._writing.live.every(stored.call.id))
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
    """A call as it is derived again from what is stored of it."""

    pending: PendingCall
    difference: Difference
    """The difference from the stored call."""
    update: LiveUpdate | None = None


def reprocess(
    key: Key, stored: StoredCall, fold: Callable[[StoredCall], tuple[Call, Versions]], events: Sequence[bytes]
) -> ReprocessResult:
    """A call with events as it is derived again from what is stored of it.

    `fold` derives the call without its events, given the stored one. Where anything differs the slots are
    dropped, to be rebuilt by the next event.
    """
    from_events = sighting_of_events(*key, events)
    current, stored_versions = _without_events(stored, from_events)
    base, versions = fold(structs.replace(stored, call=current, versions=stored_versions))
    call, call_versions = combined(base, versions, from_events)
    pending = PendingCall(
        without_conversation(call),
        call_versions,
        stored.revision,
        has_unstored_facts=stored.has_unstored_facts,
        user_spoke=user_spoke(call),
    )
    found = difference(stored.call, call_versions, call, call_versions)
    if (
        found is Difference.NONE
        and stored.live is not None
        and difference(current, stored_versions, base, versions) is Difference.NONE
    ):
        return ReprocessResult(pending, found)
    record = recorded(LiveSlots.of(events).summary, base, versions, call, from_events)
    update = LiveUpdate(
        call.id,
        base,
        record,
        lost_of(base, record),
        None,
        replaces=True,
        conversation=whole_conversation(call),
    )
    return ReprocessResult(pending, found, update)


def _without_events(stored: StoredCall, from_events: Sighting) -> tuple[Call, Versions]:
    """A call without its events; in one from before slots existed they are separated from it."""
    if stored.live is not None:
        return base_of(stored), stored.live.record.versions
    if from_events.as_of is UNSET:
        return stored.call, stored.versions
    return unmerged(stored.call, stored.versions, from_events, stored.call.created_at)


def _may_advance(one: CallBatch) -> bool:
    """Whether the call can be updated by the slots alone that its events concern."""
    live = None if one.stored is None else one.stored.live
    return live is not None and live.is_warm and bool(one.events) and not one.sightings


def _live_of(stored: StoredCall) -> StoredLive:
    if stored.live is None:
        raise TypeError("the call has no events")
    return stored.live


def _pending(one: CallBatch, call: Call, versions: Versions, spoke: bool | None = None) -> PendingCall:
    revision = 0 if one.stored is None else one.stored.revision
    return PendingCall(
        without_conversation(call),
        versions,
        revision,
        has_unstored_facts=one.has_unstored_facts,
        user_spoke=spoke,
    )
