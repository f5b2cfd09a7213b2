"""Reading calls: an intent in, an outcome out, always for one org."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct

from trunkline.kit.call_ids import CallIds
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import (
    CallPage,
    CallStream,
    ExportCalls,
    GetCall,
    Intent,
    ListCalls,
    OneCall,
    Outcome,
    ReadLedger,
)
from trunkline.model.pieces import Part
from trunkline.model.query import After, AfterCall, Place, Rows
from trunkline.service.ahead import ahead
from trunkline.service.ledger import Ledger
from trunkline.store.calls import CallStore
from trunkline.store.parts import ENDLESS, PartStore

LONGEST_WAIT_SECONDS = 30.0
"""That a long answer waits for another one to end."""


class Org(Struct, frozen=True):
    """The org on whose behalf something is done."""

    id: int
    name: str


class Calls:
    """Answers questions about calls."""

    def __init__(self, store: CallStore, parts: PartStore, ledger: Ledger, *, most_streams: int = 1) -> None:
        """`most_streams` is how many long answers may be under way at a time; each holds a connection."""
        self._store = store
        self._parts = parts
        self._ledger = ledger
        self._long_answers = asyncio.Semaphore(most_streams)

    async def answer(self, org: Org, intent: Intent, ids: CallIds) -> Outcome:
        """Answer an intent of a dialect whose ids have the given form.

        Raises `Refused` with `CALL_NOT_FOUND`, `FOREIGN_CALL`, `BAD_CURSOR` or `BAD_REQUEST`.
        """
        if isinstance(intent, ExportCalls):
            return CallStream(org.name, self._stream(org, intent, ENDLESS))
        if isinstance(intent, GetCall):
            return OneCall(org.name, await self._get(org, intent, ids))
        if isinstance(intent, ReadLedger):
            return await self._ledger.shown(org.id, intent)
        return await self._list(org, intent, ids)

    async def pages(self, org: Org, intent: ListCalls, ids: CallIds) -> AsyncGenerator[CallPage, None]:
        """A big page as several small ones; only the last of them knows whether more calls follow the page.

        Raises `Refused` with `BAD_CURSOR`, or with `UNAVAILABLE` if too many long answers are under way.
        """
        window = await self._window(org, intent, ids)
        async with aclosing(self._stream(org, intent, window)) as parts:
            async for part in parts:
                calls = [pieces.call() for pieces in part.calls]
                yield CallPage(org=org.name, calls=calls, total=part.total, has_more=part.has_more)

    async def _stream(
        self, org: Org, intent: ListCalls | ExportCalls, window: Rows | After
    ) -> AsyncGenerator[Part, None]:
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await self._long_answers.acquire()
        except TimeoutError:
            raise Refused(Fault.UNAVAILABLE, "too many long answers are under way; try again") from None
        try:
            parts = self._parts.parts(
                org.id,
                intent.filter,
                intent.order,
                window,
                with_total=intent.with_total,
                with_transcript=intent.with_transcript,
            )
            async with aclosing(ahead(parts)) as coming:
                async for part in coming:
                    yield part
        finally:
            self._long_answers.release()

    async def _get(self, org: Org, intent: GetCall, ids: CallIds) -> Call:
        sought = ids.sought(intent.printed_id)
        if sought is not None:
            call = await self._store.find(org.id, sought, with_transcript=intent.with_transcript)
            if call is not None:
                return call
            if intent.tell_foreign and await self._store.exists_elsewhere(sought):
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
        return CallPage(org=org.name, calls=page.calls, total=page.total, has_more=page.has_more)

    async def _window(self, org: Org, intent: ListCalls, ids: CallIds) -> Rows | After:
        window = intent.window
        if isinstance(window, AfterCall):
            sought = ids.sought(window.printed_id)
            last = sought and await self._store.find(org.id, sought, with_transcript=False)
            if not last:
                raise Refused(Fault.BAD_CURSOR, "the cursor names no call")
            return After(window.limit, Place(last.created_at, last.id))
        if isinstance(window, After) and window.place is not None and window.org != org.name:
            raise Refused(Fault.BAD_CURSOR, "the page token belongs to another list")
        return window
