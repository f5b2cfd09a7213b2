"""Reading the ledger: ranges of whole hours, always of one org."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from trunkline.kit.call_ids import CallIds
from trunkline.kit.wire import hour_of
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import ReadLedger
from trunkline.model.ledger import LedgerPage
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.store.inbox import InboxStore
from trunkline.store.ledger import LedgerStore

HOUR = timedelta(hours=1)

USUAL_RANGE = timedelta(days=1)
MAX_RANGE = timedelta(days=31)

MAX_NAMED = 1000
"""Most calls that one answer lists."""


class Ledger:
    """Reads how complete the log is."""

    def __init__(self, store: LedgerStore, inbox: InboxStore, clock: Clock) -> None:
        self._store = store
        self._inbox = inbox
        self._clock = clock

    async def page(self, org: Org, query: ReadLedger, _: CallIds) -> LedgerPage:
        """The hours that a range touches; the last day if no range is given.

        Raises `Refused` with `BAD_REQUEST` for a range that is empty or too long.
        """
        now = self._clock()
        last = query.until or max(now, query.since or now)
        try:
            since = hour_of(query.since or last - USUAL_RANGE)
            until = hour_of(last) + HOUR
        except OverflowError:
            raise Refused(Fault.BAD_REQUEST, "is outside the calendar", "until") from None
        if not timedelta() < until - since <= MAX_RANGE + HOUR:
            raise Refused(Fault.BAD_REQUEST, "until must follow since by 31 days at the most", "until")
        source_id = None if query.source_id is None else UUID(query.source_id)
        calls, count = await self._store.calls(org.id, source_id, since, until, MAX_NAMED)
        return LedgerPage(
            since=since,
            until=until,
            hours=await self._store.hours(org.id, source_id, since, until),
            calls=calls,
            left_out=count - len(calls),
            unread=await self._inbox.counts(org.id, source_id),
        )
