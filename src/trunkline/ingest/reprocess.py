"""Reprocessing: calls derived again from their stored payloads, after the reading of a vendor was improved.

A call whose payloads are all stored is what its payloads state now, and nothing else. A call that also has
facts without a payload, as from a file in our own form, keeps those: what its payloads state now is merged
into them.

Payloads are merged with the times at which they were first merged, so that the same call is derived again,
whatever order they arrived in and however often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec import Struct, field

from trunkline.ingest.webhooks import parse_delivery, split_delivery
from trunkline.kit.dialect import Dialect
from trunkline.kit.door import AnswerExpected, Door
from trunkline.kit.json_reader import read_json
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import read_call
from trunkline.model.call import Call
from trunkline.model.field_problems import FieldProblems
from trunkline.model.merge import Difference, difference, first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.model.versions import Versions
from trunkline.service.calls import Org
from trunkline.service.intake import Intake
from trunkline.service.live_events import ReprocessResult, reprocess
from trunkline.service.received import EVENT, HOOK, OWN, PRINTED, RECORDING, STATEMENT, Provenance, Received
from trunkline.store.calls.current import Key
from trunkline.store.calls.rows import PendingCall, StoredCall
from trunkline.store.calls.writes import CallWriter, Nameless, StoredPayload
from trunkline.store.live import LiveUpdate

log = structlog.get_logger(__name__)

BATCH_CALLS = 200


class ReprocessSummary(Struct):
    """The result of deriving an org's calls again."""

    calls: int = 0
    changed: int = 0
    found: int = 0
    """Calls in payloads that could not be read when they arrived."""
    unreadable: list[str] = field(default_factory=list)
    """Vendor, id and reason of payloads that cannot be read any more; their calls are left as they are."""


class Reprocessor:
    """Derives calls again."""

    def __init__(
        self,
        writer: CallWriter,
        intake: Intake,
        dialects: Mapping[str, Dialect],
        doors: Mapping[str, Door],
    ) -> None:
        self._writer = writer
        self._intake = intake
        self._dialects = dialects
        self._doors = doors
        self._own = next(dialect for dialect in dialects.values() if dialect.is_lossless)

    async def run(self, org: Org, vendor: str | None = None) -> ReprocessSummary:
        """Derive an org's calls again, one batch per transaction; others may write meanwhile."""
        derived = ReprocessSummary()
        last: Key = ("", "")
        while keys := await self._writer.named_after(org.id, vendor, last, BATCH_CALLS):
            await self._reprocess(org, keys, derived)
            last = keys[-1]
        await self._find_more(org, vendor, derived)
        return derived

    async def _reprocess(self, org: Org, keys: Sequence[Key], derived: ReprocessSummary) -> None:
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
            for sighting in self._sightings_in(key[0], payload)
            if (sighting.vendor, sighting.vendor_call_id) == key
            for seen_at in _times(payload)
        ]
        for sighting, seen_at in sightings:
            state = (
                merged(*state, sighting, seen_at) if state else first_call(sighting, current.call.id, seen_at)
            )
        return state or (current.call, current.versions)

    def _sightings_in(self, vendor: str, payload: StoredPayload) -> list[Sighting]:
        form = payload.source_vendor or vendor
        if payload.kind == PRINTED.kind and payload.source_vendor is not None:
            return [_read(self._doors[form], payload.body)]
        return self._sightings(form, payload.body, payload.kind, payload.content_type)

    def _sightings(self, vendor: str, body: bytes, kind: str, content_type: str) -> list[Sighting]:
        if kind == HOOK:
            return parse_delivery(self._doors[vendor], body, content_type).sightings
        if kind in (RECORDING, STATEMENT):
            return [msgspec.json.decode(body, type=Sighting)]
        reader: Dialect | Door | None = self._dialects.get(vendor) or self._doors.get(vendor)
        if reader is None or kind == OWN:
            reader = self._own
        return [_read(reader, body)]

    def _split(self, payload: Nameless) -> list[tuple[bytes, str]]:
        if payload.kind != HOOK:
            return [(payload.body, payload.content_type)]
        return split_delivery(self._doors[payload.vendor], payload.body, payload.content_type)

    async def _find_more(self, org: Org, vendor: str | None, derived: ReprocessSummary) -> None:
        last = ("", b"")
        while nameless := await self._writer.nameless_after(org.id, vendor, last, BATCH_CALLS):
            for one in nameless:
                last = (one.vendor, one.hash)
                try:
                    parts = [
                        (sighting, body)
                        for body, content_type in self._split(one)
                        for sighting in self._sightings(one.vendor, body, one.kind, content_type)
                    ]
                except (Unreadable, AnswerExpected):
                    continue  # still unreadable
                except Exception:
                    log.exception("payload not read", vendor=one.vendor, hash=one.hash.hex())
                    continue
                if not parts:
                    continue
                origin = Provenance(
                    vendor=one.vendor,
                    kind=one.kind,
                    content_type=one.content_type,
                    source=one.source,
                    source_id=None if one.source_id is None else str(one.source_id),
                )
                await self._intake.ingest_each(
                    org, [Received(sighting, body, origin) for sighting, body in parts]
                )
                await self._writer.mark_read(org.id, one.vendor, one.hash)
                derived.found += len(parts)


def _read(reader: Dialect | Door, body: bytes) -> Sighting:
    problems: FieldProblems = {}
    document = read_json(body, problems)
    return read_call(reader.from_wire, document, problems)


def _times(payload: StoredPayload) -> list[datetime]:
    """The instants at which a payload counts: a delivery only at its first arrival, others at each arrival.

    Arrivals between the first and the last add nothing to these two.
    """
    if payload.kind == HOOK or payload.last_received_at == payload.received_at:
        return [payload.received_at]
    return [payload.received_at, payload.last_received_at]
