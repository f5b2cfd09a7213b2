"""Pulls: a vendor's list, read page by page into the log, from where the last pull ended.

A page is committed before the request for the next one is stored; a pull that was killed reads one page
again at the most, which changes nothing. When it ends, the listed calls are entered in the ledger.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import structlog
from msgspec import Struct, field

from trunkline.ingest.pull_item import PullItem, item_in, unfetched, unreadable
from trunkline.ingest.vendor_client import (
    AnswerUnreadable,
    PullBusy,
    PullStopped,
    VendorClient,
    VendorRefused,
    VendorUnavailable,
)
from trunkline.kit.door import Door
from trunkline.kit.list_api import ListApi, ListPage, Request
from trunkline.kit.payload import Unreadable
from trunkline.kit.wire import hour_of
from trunkline.model.field_problems import FieldProblems
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.received import Provenance, Received, State, encoded
from trunkline.service.sources import Source
from trunkline.store.pulls import ListedCall, PullStore, StoredPull

log = structlog.get_logger(__name__)

OVERLAP = timedelta(hours=1)
"""How far before the newest call of the last pull the next one begins, at least (our choice)."""

MAX_OPEN = timedelta(days=30)
"""A call that has not ended after so long is not requested again (our choice)."""

MAX_NAMED = 1000
MAX_FAILURES = 3
"""Single calls in a row that cannot be fetched, before the vendor counts as unavailable."""

_NOT_ADMITTED = frozenset({401, 403})
_STALE = frozenset({400, 404, 410, 422})
"""How a vendor refuses a position in its list that is no longer valid."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No call is older; some vendors write the first day of the calendar for an unknown time."""

_HOUR = timedelta(hours=1)

MAX_READS = 3
"""How often one pull reads a list that changes meanwhile (our choice)."""

_ANY = math.inf
"""An unknown number."""

_COUNTED = (State.NEW, State.CHANGED, State.DELETED, State.UNCHANGED)
"""How a call counts that was ingested as a line and as a whole: the first of these that applies."""


class PullSummary(Struct):
    """What a pull did."""

    pages: int = 0
    calls: int = 0
    """Calls in the range, counted each time that one was listed: a list that changed is read again."""
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    """Calls that were deleted from the log, and stay deleted."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """The reason for each, the first thousand."""


class _PageResult(Struct):
    """The result of a page."""

    past: bool
    """Whether it reaches back before the range, so that it is the last one."""
    newest_at: datetime | None
    vendors: list[str]
    fresh: int
    """Calls that this pull had not listed before."""
    repeated: int


Report = Callable[[PullSummary, int | None], None]
"""Is called after every page with the summary so far and the vendor's total, if it reports one."""


class Pull:
    """Pulls from one source."""

    def __init__(
        self,
        source: Source,
        door: Door,
        group_commit: GroupCommit,
        store: PullStore,
        client: VendorClient,
        clock: Clock,
        report: Report = lambda _, __: None,
    ) -> None:
        self._source = source
        self._door = door
        self._api = list_api(door)
        self._group_commit = group_commit
        self._store = store
        self._client = client
        self._clock = clock
        self._report = report
        self._failures = 0

    async def run(self, since: datetime | None = None, until: datetime | None = None) -> PullSummary:
        """Pull the calls of a range of creation, or all since the last pull; raises `PullStopped`.

        An interrupted pull continues if it was for the same range; otherwise it starts from the beginning.
        """
        async with self._store.locked() as ours:
            if not ours:
                raise PullBusy("another process is pulling from this source")
            total = PullSummary()
            pull = await self._store.current()
            requested = (pull.requested_since, pull.requested_until)
            goes_on = pull.started_at is not None and requested == (since, until)
            if not goes_on:
                pull = await self._begun(pull, since, until)
            try:
                await self._read(pull, total, goes_on=goes_on)
            except VendorRefused as error:
                if not goes_on or error.status not in _STALE:
                    raise
                log.warning("position in the list is stale", source=self._source.id, status=error.status)
                await self._read(await self._begun(pull, since, until), total)
            await self._store.end(self._clock(), _hour_from(pull.range_from), until and hour_of(until))
            return total

    async def _begun(self, pull: StoredPull, since: datetime | None, until: datetime | None) -> StoredPull:
        range_from = since
        if since is None and pull.reached_at is not None:
            vendors = list({*pull.vendors, self._source.vendor})
            reached_at = max(pull.reached_at, _EARLIEST)
            still_open = await self._store.oldest_open(vendors, reached_at - MAX_OPEN)
            begin = reached_at - OVERLAP
            range_from = hour_of(min(begin, still_open or begin))
            if until is not None:
                range_from = min(range_from, until)
        begun = msgspec.structs.replace(
            pull,
            started_at=self._clock(),
            requested_since=since,
            requested_until=until,
            range_from=range_from,
            next=_json(self._api.first(range_from, until)),
        )
        await self._store.begin(begun)
        return begun

    async def _read(self, pull: StoredPull, total: PullSummary, *, goes_on: bool = False) -> None:
        """Read the list to its end, and again as far as it changed meanwhile, so that no call is missed.

        Where pages are requested by offset, a call that is added before the offset shifts another one
        into the next page, where it is listed again; a call that is removed lets another one be missed.
        Whether that happened while a pull was interrupted cannot be known.
        """
        missed = await self._read_once(pull.next, pull, total)
        if goes_on and self._api.by_offset:
            missed = _ANY
        for _ in range(MAX_READS - 1):
            if not missed:
                return
            next_request = _json(self._api.first(pull.range_from, pull.requested_until))
            await self._store.turn(next_request, None, [])
            missed = await self._read_once(next_request, pull, total, wanted=missed)
        if missed:
            log.warning("the list kept changing", source=self._source.id, readings=MAX_READS)

    async def _read_once(
        self, next_request: str | None, pull: StoredPull, total: PullSummary, wanted: float | None = None
    ) -> float:
        """Read a list on to its end, or until `wanted` calls were listed for the first time.

        Returns how many calls of the list may have been missed.
        """
        requested: set[str] = set()
        count: int | None = None
        repeated = fresh = 0
        has_removals = False
        while next_request is not None:
            if next_request in requested:
                raise PullStopped("the vendor's list repeats a page without end")
            requested.add(next_request)
            problems: FieldProblems = {}
            listed = await self._page(msgspec.json.decode(next_request, type=Request), problems)
            turned = await self._ingest(listed.items, problems, pull, total)
            fresh += turned.fresh
            repeated += turned.repeated
            if listed.total is not None:
                has_removals = has_removals or (count is not None and listed.total < count)
                count = listed.total
            over = turned.past or (wanted is not None and fresh >= wanted)
            next_request = None if listed.next_request is None or over else _json(listed.next_request)
            await self._store.turn(next_request, turned.newest_at, turned.vendors)
            total.pages += 1
            self._report(total, count)
        if not self._api.by_offset:
            return 0
        # A second reading lists everything again, and cannot see what was added meanwhile.
        return _ANY if has_removals else repeated if wanted is None else 0

    async def _page(self, request: Request, problems: FieldProblems) -> ListPage:
        answer = await self._client.fetch(request, problems)
        try:
            return self._api.read(answer, request)
        except Unreadable as error:
            raise PullStopped(f"the answer to {request.path} is not a list of calls: {error}") from None

    async def _ingest(
        self, listed: list[Any], problems: FieldProblems, pull: StoredPull, total: PullSummary
    ) -> _PageResult:
        """Store the calls of a page."""
        newest_at: datetime | None = None
        listed_calls: list[ListedCall] = []
        received: list[Received] = []
        sizes: list[int] = []
        past = False
        lines = [item_in(self._door, raw, problems) for raw in listed]
        async for item in self._items(lines, pull):
            if item is None:
                past = self._api.newest_first
                continue
            listed_calls.append(item.listed)
            total.calls += 1
            if item.sighting is None:
                if len(total.unreadable) < MAX_NAMED:
                    total.unreadable[item.listed.vendor_call_id] = item.listed.reason or ""
            elif item.listed.created_at is not None:
                newest_at = max(newest_at or item.listed.created_at, item.listed.created_at)
            # The whole call comes last, so that it wins where both are as old.
            versions = [one for one in (item.line, item) if one is not None and one.is_fetched]
            sizes.append(len(versions))
            received += [Received(one.sighting, encoded(one.raw), self._origin(one)) for one in versions]
        fresh = await self._store.record(listed_calls, self._clock())
        results = iter(await self._group_commit.ingest(self._source.org, received) if received else [])
        for size in sizes:
            states = {result.state for result in islice(results, size)}
            counted = next((state for state in _COUNTED if state in states), None)
            if counted is not None:
                setattr(total, counted.value, getattr(total, counted.value) + 1)
        names = {(one.vendor, one.vendor_call_id) for one in listed_calls}
        return _PageResult(
            past, newest_at, sorted({vendor for vendor, _ in names}), fresh, len(names) - fresh
        )

    def _origin(self, item: PullItem) -> Provenance:
        return Provenance(
            vendor=self._source.vendor,
            kind="call",
            source=self._source.label or self._source.vendor,
            source_id=self._source.id,
            problem=None if item.sighting is not None else (item.listed.reason or "")[:500],
        )

    async def _items(self, lines: list[PullItem], pull: StoredPull) -> AsyncIterator[PullItem | None]:
        """The calls of a page that are in the range, whole; `None` for one that is older."""
        stored = (
            await self._store.stored_payloads(self._door.name, _digests(lines))
            if self._api.one
            else set[bytes]()
        )
        for item in lines:
            created_at = item.listed.created_at
            if created_at is not None and pull.range_from is not None and created_at < pull.range_from:
                yield None
            elif created_at is None or pull.requested_until is None or created_at <= pull.requested_until:
                yield await self._whole(item, stored)

    async def _whole(self, item: PullItem, stored: set[bytes]) -> PullItem:
        """The call in full; a line that is stored already needs no further request."""
        if self._api.one is None or item.sighting is None or _digest(item.raw) in stored:
            return item
        problems: FieldProblems = {}
        try:
            answer = await self._client.fetch(self._api.one(item.sighting.vendor_call_id), problems)
            raw = answer if self._api.read_one is None else self._api.read_one(answer)
            whole = item_in(self._door, raw, problems)
        except (Unreadable, AnswerUnreadable) as error:
            return unfetched(item, str(error))
        except VendorRefused as error:
            if error.status in _NOT_ADMITTED:
                raise
            return unfetched(item, str(error))
        except VendorUnavailable as error:
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                raise
            return unfetched(item, str(error))
        self._failures = 0
        if whole.sighting is None:
            return unreadable(item, whole)
        return msgspec.structs.replace(whole, line=item)


def _digest(raw: Any) -> bytes:
    return hashlib.sha256(encoded(raw)).digest()


def _digests(lines: list[PullItem]) -> list[tuple[str, bytes]]:
    return [(line.sighting.vendor_call_id, _digest(line.raw)) for line in lines if line.sighting is not None]


def list_api(door: Door) -> ListApi:
    """How a vendor's list is requested; raises `PullStopped` if it has none."""
    if door.list_api is None:
        raise PullStopped(f"calls of {door.title} cannot be pulled")
    return door.list_api


def vendor_client_of(source: Source, door: Door) -> VendorClient:
    """The client for the vendor of a source; raises `PullStopped` if the source cannot be pulled."""
    api = list_api(door)
    if source.disabled_at is not None:
        raise PullStopped(f"source {source.id} is disabled")
    if source.credential is None:
        raise PullStopped(f"source {source.id} has no credential: set one with `trunkline sources change`")
    return VendorClient(
        source.base_url or api.base_url, api.headers(source.credential), api.requests_per_minute
    )


def _json(request: Request) -> str:
    return msgspec.json.encode(request).decode()


def _hour_from(instant: datetime | None) -> datetime | None:
    """The first whole hour of a range."""
    if instant is None or instant == hour_of(instant):
        return instant
    return hour_of(instant) + _HOUR
