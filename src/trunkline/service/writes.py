"""Writing calls: reports, changes and deletions, always for one org."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, structs

from trunkline.kit.call_ids import CallIds, uuids
from trunkline.model.call import Call
from trunkline.model.chunked_json import ChunkedEncoder, are_long
from trunkline.model.faults import Fault, Refused
from trunkline.model.live import Event, encoded_event
from trunkline.model.sighting import Sighting
from trunkline.model.writes import (
    AppendEvents,
    CallChanged,
    CallDeleted,
    CallsUpserted,
    CallUpsert,
    ChangeCall,
    DeleteCall,
    EventsAppended,
    UpsertCalls,
    UpsertResult,
)
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.erase import Eraser
from trunkline.service.group_commit import GroupCommit
from trunkline.service.limits import OrgLimits
from trunkline.service.received import EVENT, OWN, STATEMENT, Provenance, Received, Result, State
from trunkline.service.threads import WorkThreads
from trunkline.store.calls.reads import CallStore

MAX_CLOCK_SKEW = timedelta(minutes=10)
"""How far an event's time may be ahead of our clock: until then the event would win over any other."""

_BY_ID = uuids("")

CHANGE = Provenance(kind=OWN, source="api")
_STATEMENT = Provenance(kind=STATEMENT, source="api")
_EVENT = Provenance(kind=EVENT, source="api")
_OF_THEIR_OWN = ("vendor_words", "vendor_fields", "vendor_type", "verbatim")
"""Fields with one vendor's own words, which mean nothing for another vendor's call."""

_MANY_EVENTS = 200
"""Events from which on it takes a thread to encode them."""

_encoder = ChunkedEncoder(decimal_format="number")


class Writes:
    """Writes calls; everything is committed when it is answered.

    All raise `Refused`: with `CALL_NOT_FOUND` or `CALL_DELETED` for a call that does not exist, and with
    `UNAVAILABLE` if too much waits. `ids` is the form of ids in the request's dialect.
    """

    def __init__(
        self,
        store: CallStore,
        eraser: Eraser,
        group_commit: GroupCommit,
        clock: Clock,
        limits: OrgLimits | None = None,
        threads: WorkThreads | None = None,
    ) -> None:
        self._threads = threads or WorkThreads()
        self._store = store
        self._eraser = eraser
        self._group_commit = group_commit
        self._clock = clock
        self._limits = limits or OrgLimits.of(1)
        self._last_as_of: datetime | None = None

    async def upsert(self, org: Org, intent: UpsertCalls, _: CallIds) -> CallsUpserted:
        """Store calls; returns the result of each, in their order.

        Of many calls, those that cannot be read are refused, and go into the inbox.
        """
        seen = [
            Received(one.sighting, one.raw, CHANGE if one.sighting is not None else _refused(one))
            for one in intent.upserts
        ]
        results = await self._group_commit.ingest(org, seen) if seen else []
        return CallsUpserted(
            org.name,
            [
                UpsertResult("refused", path=one.path, problem=one.problem)
                if one.sighting is None
                else _result_of(result)
                for one, result in zip(intent.upserts, results, strict=True)
            ],
        )

    async def append_events(self, org: Org, intent: AppendEvents, ids: CallIds) -> EventsAppended:
        """Store events of a running call."""
        call = await self._find(org, intent.printed_id, ids, with_transcript=False)
        now = self._clock()
        encoded, refused = (
            _encoded_events(intent.events, now)
            if len(intent.events) <= _MANY_EVENTS
            else await self._threads.run(org.id, _encoded_events, intent.events, now)
        )
        named = Sighting(vendor=call.vendor, vendor_call_id=call.vendor_call_id)
        if encoded:
            results = await self._group_commit.ingest(org, [Received(named, raw, _EVENT) for raw in encoded])
            _must_stand(results, intent.printed_id)
            call = await self._find(org, call.id, _BY_ID, with_transcript=False)
        return EventsAppended(org.name, call, len(encoded), refused)

    async def change(self, org: Org, intent: ChangeCall, ids: CallIds) -> CallChanged:
        """Change a call; also raises what the change finds wrong."""
        before = await self._find(org, intent.printed_id, ids)
        # A change may say anew what is long in the call, or bring it.
        sighting = (
            await self._threads.run(org.id, intent.change, before)
            if intent.is_long or _is_long(before)
            else intent.change(before)
        )
        return await self._apply(org, before, sighting, intent, ids)

    async def _apply(
        self, org: Org, before: Call, sighting: Sighting, intent: ChangeCall | DeleteCall, ids: CallIds
    ) -> CallChanged:
        theirs = before.vendor != ids.vendor and ids.vendor != ""
        sighting = structs.replace(
            sighting,
            vendor=before.vendor,
            vendor_call_id=before.vendor_call_id,
            id=UNSET,
            as_of=self._now(),
            **(dict.fromkeys(_OF_THEIR_OWN, UNSET) if theirs else {}),
        )
        # The statement is stored in our own form with its time, so that it is derived again unchanged.
        raw = (
            await self._threads.run(org.id, _encoder.encode, sighting)
            if _is_long(sighting)
            else _encoder.encode_short(sighting)
        )
        results = await self._group_commit.ingest(org, [Received(sighting, raw, _STATEMENT)])
        _must_stand(results, intent.printed_id)
        return CallChanged(org.name, before, await self._find(org, before.id, _BY_ID))

    async def delete(self, org: Org, intent: DeleteCall, ids: CallIds) -> CallDeleted | CallChanged:
        """Delete a call, or change it as the intent says instead."""
        call = await self._find(org, intent.printed_id, ids)
        instead = intent.instead(call) if intent.instead is not None else None
        if instead is not None:
            return await self._apply(org, call, instead, intent, ids)
        # Deletions of one org wait for each other anyway; one connection is enough for them.
        async with self._limits.deletions.of(org.id), self._limits.connections.of(org.id):
            deleted = await self._eraser.erase(org.id, call.id)
        if not deleted:
            raise Refused(Fault.CALL_DELETED, intent.printed_id)
        return CallDeleted(org.name, call)

    async def _find(self, org: Org, printed_id: str, ids: CallIds, *, with_transcript: bool = True) -> Call:
        sought = ids.lookup(printed_id)
        if sought is not None:
            call = await self._store.find(org.id, sought, with_transcript=with_transcript)
            if call is not None:
                return call
            if await self._store.find_deleted(org.id, sought) is not None:
                raise Refused(Fault.CALL_DELETED, printed_id)
        raise Refused(Fault.CALL_NOT_FOUND, printed_id)

    def _now(self) -> datetime:
        """The time of a change, later than that of every change before it."""
        now = self._clock()
        if self._last_as_of is not None and now <= self._last_as_of:
            now = self._last_as_of + timedelta(milliseconds=1)
        self._last_as_of = now
        return now


def _is_long(spoken: Call | Sighting) -> bool:
    return are_long(spoken.turns, spoken.tool_calls, spoken.events)


def _must_stand(results: Sequence[Result], printed_id: str) -> None:
    if any(result.state is State.DELETED for result in results):
        raise Refused(Fault.CALL_DELETED, printed_id)


def _refused(upsert: CallUpsert) -> Provenance:
    return structs.replace(CHANGE, problem=f"{upsert.path}: {upsert.problem}"[:500])


def _result_of(result: Result) -> UpsertResult:
    return UpsertResult(result.state.value, result.call_id)


def _encoded_events(
    events: Sequence[Event | str], now: datetime
) -> tuple[list[bytes], list[tuple[int, str]]]:
    """Events as they are stored, and what is wrong with the others."""
    encoded: list[bytes] = []
    refused: list[tuple[int, str]] = []
    for index, event in enumerate(events):
        if isinstance(event, str):
            refused.append((index, event))
        elif isinstance(event.at, datetime) and event.at > now + MAX_CLOCK_SKEW:
            refused.append((index, "at: is in the future"))
        else:
            # Events of one request without a time of their own count one after another.
            encoded.append(encoded_event(event, now + timedelta(microseconds=index)))
    return encoded, refused
