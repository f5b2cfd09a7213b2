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
from trunkline.store.rows import Draft, Known

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


class TooManyWriters(RuntimeError):
    """Others kept writing the same calls; no call of this batch is half stored, and it may be tried again."""


class Intake:
    """Takes sightings in."""

    def __init__(self, store: CallStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def take(self, org: Org, batch: Sequence[Seen], source: str) -> Taken:
        """Take in a batch; every sighting in it is either stored or told nothing new."""
        now = self._clock()
        taken = Taken()
        waiting: dict[Key, list[Sighting]] = {}
        # Two batches with calls in common lock them in the same order, so that neither waits for ever.
        for seen in sorted(batch, key=lambda seen: _key(seen.sighting)):
            waiting.setdefault(_key(seen.sighting), []).append(seen.sighting)
        folded = {key: _folded(sightings, None, now) for key, sightings in waiting.items()}
        payloads = _payloads(batch)
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
            taken.add(draft.call.id)


class _Folded(Struct):
    """Sightings of one call folded into what should be written, and how many of them changed anything."""

    draft: Draft
    changes: int


def _key(said: Sighting | Payload) -> Key:
    return said.vendor, said.vendor_call_id


def _folded(sightings: list[Sighting], known: Known | None, now: datetime) -> _Folded:
    if known is None:
        first, *sightings = sightings
        wanted = first.id if first.id is not UNSET else call_id(first.vendor, first.vendor_call_id)
        call, stamps = first_call(first, wanted, now)
        revision, changes = 0, 1
    else:
        call, stamps, revision, changes = known.call, known.stamps, known.revision, 0
    for sighting in sightings:
        more, stamps = merged(call, stamps, sighting, now)
        changes += more != call
        call = more
    return _Folded(Draft(call, stamps, revision), changes)


def _settle(taken: Taken, changes: int, sightings: list[Sighting]) -> None:
    taken.stored += changes
    taken.unchanged += len(sightings) - changes


def _payloads(batch: Sequence[Seen]) -> list[Payload]:
    payloads = [
        Payload(
            vendor=seen.sighting.vendor,
            vendor_call_id=seen.sighting.vendor_call_id,
            hash=hashlib.sha256(seen.raw).digest(),
            body=seen.raw,
        )
        for seen in batch
        if seen.raw is not None
    ]
    return sorted(payloads, key=lambda payload: (_key(payload), payload.hash))


def encoded(raw: object) -> bytes:
    """A decoded payload as the bytes that are kept."""
    return msgspec.json.encode(raw)
