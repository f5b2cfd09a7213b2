"""Reading calls: an intent in, an outcome out, always for one org."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct

from trunkline.kit.call_ids import CallIds, CallLookup
from trunkline.model.call import Call
from trunkline.model.encoded_call import Chunk
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import (
    CallPage,
    CallStream,
    ExportCalls,
    GetCall,
    ListCalls,
    OneCall,
    StreamCalls,
)
from trunkline.model.query import After, AfterCall, Position, Rows
from trunkline.service.limits import OrgLimits
from trunkline.service.number_totals import NumberTotals
from trunkline.service.prefetch import prefetch
from trunkline.store.calls.chunked_reader import ENDLESS, ChunkedReader
from trunkline.store.calls.reads import CallStore


class Org(Struct, frozen=True):
    """The org for which a request is run."""

    id: int
    name: str


class Calls:
    """Reads calls."""

    def __init__(
        self,
        store: CallStore,
        chunks: ChunkedReader,
        number_totals: NumberTotals | None = None,
        limits: OrgLimits | None = None,
    ) -> None:
        self._store = store
        self._chunks = chunks
        self._number_totals = number_totals
        self._limits = limits or OrgLimits.of(1)

    async def page(self, org: Org, intent: ListCalls, ids: CallIds) -> CallPage:
        """One page; raises `Refused` with `BAD_CURSOR` or `BAD_REQUEST`.

        `ids` is the form of ids in the request's dialect, here and below.
        """
        async with self._limits.reading(org.id):
            page = await self._store.page(
                org.id,
                intent.filter,
                intent.order,
                await self._window(org, intent, ids),
                with_total=intent.with_total,
                with_transcript=intent.with_transcript,
            )
        if self._number_totals is not None and page.total is not None:
            self._number_totals.record_total(org.id, intent.filter, page.total)
        return CallPage(org=org.name, calls=page.calls, total=page.total, has_more=page.has_more)

    async def one(self, org: Org, intent: GetCall, ids: CallIds) -> OneCall:
        """One call; raises `Refused` with `CALL_NOT_FOUND` or `FOREIGN_CALL`."""
        return OneCall(org.name, await self._get(org, intent, ids))

    async def stream(self, org: Org, intent: StreamCalls, ids: CallIds) -> CallStream:
        """A page in chunks; only the last chunk knows whether more calls follow the page.

        The first chunk may raise `Refused`, with `BAD_CURSOR`, or with `UNAVAILABLE` if too many long answers
                are running.
        """
        return CallStream(org.name, self._page_chunks(org, intent.page, ids))

    async def export(self, org: Org, intent: ExportCalls, _: CallIds) -> CallStream:
        """All calls that match, as `stream` has them."""
        return CallStream(org.name, self._stream(org, intent, ENDLESS))

    async def _page_chunks(self, org: Org, intent: ListCalls, ids: CallIds) -> AsyncGenerator[Chunk, None]:
        async with self._limits.reading(org.id):
            window = await self._window(org, intent, ids)
        async with aclosing(self._stream(org, intent, window)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _stream(
        self, org: Org, intent: ListCalls | ExportCalls, window: Rows | After
    ) -> AsyncGenerator[Chunk, None]:
        async with self._limits.long_answers.of(org.id), self._limits.reading(org.id):
            parts = self._chunks.chunks(
                org.id,
                intent.filter,
                intent.order,
                window,
                with_total=intent.with_total,
                with_transcript=intent.with_transcript,
            )
            async with aclosing(prefetch(parts)) as coming:
                async for part in coming:
                    yield part

    async def _get(self, org: Org, intent: GetCall, ids: CallIds) -> Call:
        sought = ids.lookup(intent.printed_id)
        if sought is not None:
            async with self._limits.reading(org.id):
                call = await self._store.find(org.id, sought, with_transcript=intent.with_transcript)
                if call is not None:
                    return call
                is_foreign = intent.reveal_foreign and await self._store.exists_elsewhere(sought)
            if is_foreign:
                raise Refused(Fault.FOREIGN_CALL, intent.printed_id)
        raise Refused(Fault.CALL_NOT_FOUND, intent.printed_id)

    async def _window(self, org: Org, intent: ListCalls, ids: CallIds) -> Rows | After:
        window = intent.window
        if isinstance(window, AfterCall):
            sought = ids.lookup(window.printed_id)
            place = sought and await self._position(org, sought)
            if not place:
                raise Refused(Fault.BAD_CURSOR, "the cursor names no call")
            return After(window.limit, place)
        if isinstance(window, After) and window.position is not None and window.org != org.name:
            raise Refused(Fault.BAD_CURSOR, "the page token belongs to another list")
        return window

    async def _position(self, org: Org, lookup: CallLookup) -> Position | None:
        """The position of a call among all by creation, or its former position if it was deleted."""
        call = await self._store.find(org.id, lookup, with_transcript=False)
        if call is not None:
            return Position(call.created_at, call.id)
        return await self._store.find_deleted(org.id, lookup)
