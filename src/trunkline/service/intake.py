"""Intake: what was seen of calls becomes calls, each of them once.

New calls are written without a look at the store, which is the common case and the fast one. A call that
turns out to be known is read, merged and written again; if somebody else wrote it in between, once more.
Merging does not depend on order, so it does not matter who was first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct

from trunkline.model.ids import call_id, derived_call_id
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.store.calls import CallStore, IdTaken, Key, Payload
from trunkline.store.rows import Draft, Known, row_of

_TRIES = 20


class Seen(Struct):
    """A sighting, and the payload it was read from."""

    sighting: Sighting
    raw: bytes | None = None
    """`None` for our own form, which loses nothing and need not be kept twice."""


class Taken(Struct):
    """How many sightings changed the log, and how many told nothing new."""

    stored: int = 0
    unchanged: int = 0


class Folded(Struct):
    """Sightings of one call folded into what should be written, and how many of them changed anything."""

    draft: Draft
    changes: int


class Batch:
    """Sightings of some calls, and the calls that they make if these are new.

    A call is made ready at once, while it is at hand: going over thousands of them again takes longer.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.size = 0
        self.waiting: dict[Key, list[Sighting]] = {}
        self.folded: dict[Key, Folded] = {}
        self.payloads: list[Payload] = []

    def add(self, seen: Seen) -> None:
        """Add what was seen of a call."""
        sighting, self.size = seen.sighting, self.size + 1
        key = _key(sighting)
        if (before := self.waiting.get(key)) is None:
            self.waiting[key] = [sighting]
            self.folded[key] = fold = _folded([sighting], None, self.now)
            row_of(fold.draft)
        else:
            before.append(sighting)
            self.folded[key] = _folded_on(self.folded[key], sighting, self.now)
        if seen.raw is not None:
            self.payloads.append(Payload(*key, hash=hashlib.sha256(seen.raw).digest(), body=seen.raw))


class TooManyWriters(RuntimeError):
    """Others kept writing the same calls; no call of this batch is half stored, and it may be tried again."""


class Intake:
    """Takes sightings in."""

    def __init__(self, store: CallStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def batch(self) -> Batch:
        """Begin a batch, which may be filled in a thread while another one is being stored."""
        return Batch(self._clock())

    async def take(self, org: Org, batch: Sequence[Seen], source: str) -> Taken:
        """Take in a batch; every sighting in it is either stored or told nothing new."""
        gathered = self.batch()
        for seen in batch:
            gathered.add(seen)
        return await self.store(org, gathered, source)

    async def store(self, org: Org, batch: Batch, source: str) -> Taken:
        """Store a batch, which is used up by it."""
        now, taken = batch.now, Taken()
        # Two batches with calls in common lock them in the same order, so that neither waits for ever.
        waiting = dict(sorted(batch.waiting.items()))
        folded = {key: batch.folded[key] for key in waiting}
        payloads = sorted(batch.payloads, key=lambda payload: (_key(payload), payload.hash))
        for _ in range(_TRIES):
            drafts = [fold.draft for fold in folded.values()]
            try:
                written = await self._store.write(org.id, drafts, payloads, source=source, received_at=now)
            except IdTaken:
                await self._give_other_ids(org, {key: fold.draft for key, fold in folded.items()})
                continue
            payloads = []
            for key in written:
                _settle(taken, folded[key].changes, waiting.pop(key))
            known = await self._store.known(org.id, list(waiting)) if waiting else {}
            folded = {key: _folded(waiting[key], known.get(key), now) for key in waiting}
            for key in [key for key, fold in folded.items() if not fold.changes]:
                del folded[key]
                _settle(taken, 0, waiting.pop(key))
            if not waiting:
                return taken
        raise TooManyWriters("others kept writing the same calls; run this again")

    async def _give_other_ids(self, org: Org, drafts: dict[Key, Draft]) -> None:
        """Give new calls whose canonical id is another call's an id that only they can have."""
        new = {key: draft for key, draft in drafts.items() if draft.base_revision == 0}
        taken = set(await self._store.taken(org.id, [draft.call.id for draft in new.values()]))
        known = await self._store.known(org.id, list(new))
        for key, draft in new.items():
            if draft.call.id in taken and key not in known:
                draft.call.id = derived_call_id(*key)
                draft.row = None
            taken.add(draft.call.id)


def _key(said: Sighting | Payload) -> Key:
    return said.vendor, said.vendor_call_id


def _folded(sightings: list[Sighting], known: Known | None, now: datetime) -> Folded:
    if known is None:
        first, *sightings = sightings
        wanted = first.id if first.id is not UNSET else call_id(first.vendor, first.vendor_call_id)
        fold = Folded(Draft(*first_call(first, wanted, now)), 1)
    else:
        fold = Folded(Draft(known.call, known.stamps, known.revision), 0)
    for sighting in sightings:
        fold = _folded_on(fold, sighting, now)
    return fold


def _folded_on(fold: Folded, sighting: Sighting, now: datetime) -> Folded:
    draft = fold.draft
    call, stamps = merged(draft.call, draft.stamps, sighting, now)
    return Folded(Draft(call, stamps, draft.base_revision), fold.changes + (call != draft.call))


def _settle(taken: Taken, changes: int, sightings: list[Sighting]) -> None:
    taken.stored += changes
    taken.unchanged += len(sightings) - changes


def encoded(raw: object) -> bytes:
    """A decoded payload as the bytes that are kept."""
    return msgspec.json.encode(raw)
