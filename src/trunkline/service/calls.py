"""Reading calls: an intent in, an outcome out, always for one org."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Protocol

from msgspec import Struct

from trunkline.kit.call_ids import CallIds, CallLookup
from trunkline.model.call import Call
from trunkline.model.encoded_call import Chunk, EncodedCall
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import (
    CallPage,
    CallsOutcome,
    CallStream,
    ExportCalls,
    GetCall,
    ListCalls,
    OneCall,
    Question,
)
from trunkline.model.query import After, AfterCall, Position, Rows
from trunkline.service.number_totals import NumberTotals
from trunkline.service.prefetch import prefetch
from trunkline.store.calls.chunked_reader import ENDLESS, ChunkedReader
from trunkline.store.calls.reads import CallStore

MAX_WAIT_SECONDS = 30.0
"""That a long answer waits for another one to end."""


class Org(Struct, frozen=True):
    """The org on whose behalf something is done."""

    id: int
    name: str


class Links(Protocol):
    """What makes our links to recordings."""

    def day(self) -> int:
        """The day for which links are made now."""

    def with_link(self, org_id: int, call: Call) -> Call:
        """A call with our link, if its recording is kept."""


class Calls:
    """Answers questions about calls."""

    def __init__(
        self,
        store: CallStore,
        chunks: ChunkedReader,
        links: Links | None = None,
        number_totals: NumberTotals | None = None,
        max_streams: int = 1,
    ) -> None:
        """`most_streams` is how many long answers may be under way at a time; each holds a connection."""
        self._store = store
        self._chunks = chunks
        self._links = links
        self._number_totals = number_totals
        self._long_answers = asyncio.Semaphore(max_streams)

    async def answer(self, org: Org, intent: Question, ids: CallIds) -> CallsOutcome:
        """Answer an intent of a dialect whose ids have the given form.

        Raises `Refused` with `CALL_NOT_FOUND`, `FOREIGN_CALL`, `BAD_CURSOR` or `BAD_REQUEST`.
        """
        if isinstance(intent, ExportCalls):
            return CallStream(org.name, self._exported(org, intent))
        if isinstance(intent, GetCall):
            return OneCall(org.name, await self._get(org, intent, ids))
        return await self._list(org, intent, ids)

    async def _exported(self, org: Org, intent: ExportCalls) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self._stream(org, intent, ENDLESS)) as parts:
            async for part in parts:
                yield part._replace(calls=[self._linked(org, pieces) for pieces in part.calls])

    def _linked(self, org: Org, encoded: EncodedCall) -> EncodedCall:
        """A call as `_shown` has it, still in its parts; few calls have to be read for that."""
        if '"stored":true' not in encoded.summary:
            return encoded
        shown = self._with_link(org, EncodedCall(encoded.summary).call())
        return encoded._replace(summary=EncodedCall.of(shown).summary)

    async def pages(self, org: Org, intent: ListCalls, ids: CallIds) -> AsyncGenerator[CallPage, None]:
        """A big page as several small ones; only the last of them knows whether more calls follow the page.

        Raises `Refused` with `BAD_CURSOR`, or with `UNAVAILABLE` if too many long answers are under way.
        """
        window = await self._window(org, intent, ids)
        async with aclosing(self._stream(org, intent, window)) as parts:
            async for part in parts:
                calls = [self._with_link(org, pieces.call()) for pieces in part.calls]
                yield CallPage(org=org.name, calls=calls, total=part.total, has_more=part.has_more)

    async def _stream(
        self, org: Org, intent: ListCalls | ExportCalls, window: Rows | After
    ) -> AsyncGenerator[Chunk, None]:
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._long_answers.acquire()
        except TimeoutError:
            raise Refused(Fault.UNAVAILABLE, "too many long answers are under way; try again") from None
        try:
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
        finally:
            self._long_answers.release()

    async def _get(self, org: Org, intent: GetCall, ids: CallIds) -> Call:
        sought = ids.lookup(intent.printed_id)
        if sought is not None:
            call = await self._store.find(org.id, sought, with_transcript=intent.with_transcript)
            if call is not None:
                return self._with_link(org, call)
            if intent.reveal_foreign and await self._store.exists_elsewhere(sought):
                raise Refused(Fault.FOREIGN_CALL, intent.printed_id)
        raise Refused(Fault.CALL_NOT_FOUND, intent.printed_id)

    async def _list(self, org: Org, intent: ListCalls, ids: CallIds) -> CallPage:
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
        if self._links is not None:
            page.calls.present = partial(self._with_link, org)
            page.calls.edition = self._links.day()
        return CallPage(org=org.name, calls=page.calls, total=page.total, has_more=page.has_more)

    def _with_link(self, org: Org, call: Call) -> Call:
        """A call as it is printed: with our link to its recording, if we keep it."""
        return call if self._links is None else self._links.with_link(org.id, call)

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
        """Where a call stands among all by creation, or where it stood before it was taken out."""
        call = await self._store.find(org.id, lookup, with_transcript=False)
        if call is not None:
            return Position(call.created_at, call.id)
        return await self._store.find_deleted(org.id, lookup)
