"""The completeness ledger: hour by hour what a vendor lists beside what we hold, and calls by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from trunkline.model.ledger import LedgerFound, SourceLedger
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.sources import Source, Sources
from trunkline.store.pulls import PullStore

GRACE = timedelta(minutes=10)
"""After a call's end its first webhook should have come."""

MOST_NAMES = 1000
"""Calls of each kind that are named; `more` says that there are others."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Ledger:
    """Reads the ledger."""

    def __init__(self, store: PullStore, sources: Sources, clock: Clock) -> None:
        self._store = store
        self._sources = sources
        self._clock = clock

    async def all(self, org: Org, since: datetime | None, until: datetime | None) -> LedgerFound:
        """The ledgers of all of an org's sources."""
        return LedgerFound([await self.of(one, since, until) for one in await self._sources.listed(org.name)])

    async def of(
        self, source: Source, since: datetime | None = None, until: datetime | None = None
    ) -> SourceLedger:
        """The ledger of a source, for the calls of a range of creation."""
        org_id, source_id = source.org.id, UUID(source.id)
        first, last = since or BEGINNING, until or self._clock() + timedelta(days=1)
        pull = await self._store.pull(org_id, source_id)
        hours = await self._store.hours(org_id, source_id, source.vendor, first, last)
        names = await self._store.names(org_id, source_id, first, last, MOST_NAMES + 1)
        late = await self._store.late(org_id, source_id, source.vendor, (first, last), GRACE, MOST_NAMES + 1)
        return SourceLedger(
            source=source.id,
            vendor=source.vendor,
            label=source.label,
            pulled_at=None if pull is None else pull.ended_at,
            told=sum(hour.told for hour in hours),
            held=sum(hour.held for hour in hours),
            hours=hours,
            calls=[*names[:MOST_NAMES], *late[:MOST_NAMES]],
            more=len(names) > MOST_NAMES or len(late) > MOST_NAMES,
        )
