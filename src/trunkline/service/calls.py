"""Reading calls: an intent in, an outcome out, always for one org."""

from __future__ import annotations

from msgspec import Struct

from trunkline.kit.call_ids import CallIds
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, GetCall, Intent, ListCalls, OneCall, Outcome
from trunkline.model.query import After, AfterCall, Place, Rows
from trunkline.store.calls import CallStore


class Org(Struct, frozen=True):
    """The org on whose behalf something is done."""

    id: int
    name: str


class Calls:
    """Answers questions about calls."""

    def __init__(self, store: CallStore) -> None:
        self._store = store

    async def answer(self, org: Org, intent: Intent, ids: CallIds) -> Outcome:
        """Answer an intent of a dialect whose ids have the given form.

        Raises `Refused` with `CALL_NOT_FOUND`, `FOREIGN_CALL` or `BAD_CURSOR`.
        """
        if isinstance(intent, GetCall):
            return OneCall(org.name, await self._get(org, intent, ids))
        return await self._list(org, intent, ids)

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
