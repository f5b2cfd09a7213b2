"""Pull: a vendor's own list read page by page, so that what its webhooks lost is found.

Each page is committed before the request for the next one is remembered: a pull that was killed goes on with
the page it was reading, and what that page told already tells nothing new.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field

from trunkline.ingest.asking import Asking, PullFailed, Wait
from trunkline.kit.door import Door
from trunkline.kit.listing_api import ListApi, Listed, Request
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import checked
from trunkline.model.sighting import Sighting
from trunkline.model.words import LIVE
from trunkline.service.clock import Clock
from trunkline.service.commits import Commits
from trunkline.service.intake import Origin, Result, Seen, State, encoded
from trunkline.service.sources import Source
from trunkline.store.pulls import ListedCall, PullStore, StoredPull

OVERLAP = timedelta(hours=1)
"""How far a pull reads again what the last one has read, since lists are not always in order. Our choice."""

LONGEST_OPEN = timedelta(days=7)
"""How long a call that has not ended is asked for again."""

GRACE = timedelta(minutes=10)
"""After the end of a call its webhook should have come; what comes later is late, or repaired by a pull."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Pulled(Struct):
    """What a pull came to so far."""

    pages: int = 0
    calls: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    repaired: int = 0
    total: int | None = None
    """How many calls the vendor says there are, if it does."""
    unreadable: list[str] = field(default_factory=list)


class _Item(Struct):
    """A call of a page: what it says, and why it cannot be taken in, if so."""

    vendor_call_id: str
    seen: list[Seen]
    created_at: datetime | None = None
    reason: str | None = None


class Pull:
    """Reads sources' lists."""

    def __init__(self, commits: Commits, store: PullStore, clock: Clock, wait: Wait = asyncio.sleep) -> None:
        self._commits = commits
        self._store = store
        self._clock = clock
        self._wait = wait

    async def run(
        self,
        source: Source,
        door: Door,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        tell: Callable[[Pulled], None] = lambda _: None,
    ) -> Pulled:
        """Read a source's list to its end, from where it was left; raises `PullFailed`."""
        api = door.list_api
        if api is None:
            raise PullFailed(f"{door.title} cannot be asked for its calls")
        pulled = Pulled()
        known = await self._store.pull(source.org.id, UUID(source.id))
        if known is not None and known.following is not None and since is None and until is None:
            since, until = known.since, known.until
            request: Request | None = msgspec.json.decode(known.following, type=Request)
        else:
            since = since or await self._since(source, known)
            request = api.first(since, until)
            written = msgspec.json.encode(request).decode()
            await self._store.begin(source.org.id, UUID(source.id), (since, until), written, self._clock())
        async with Asking(source, api, self._wait) as asking:
            while request is not None:
                request = await self._page(source, door, asking, request, since, pulled)
                tell(pulled)
        await self._store.complete(
            source.org.id, UUID(source.id), self._clock(), _first_whole_hour(since), until
        )
        return pulled

    async def _since(self, source: Source, known: StoredPull | None) -> datetime | None:
        """Where the next pull begins: before what the last one reached, and before calls still open."""
        if known is None or known.reached is None:
            return None
        live = sorted(status.value for status in LIVE)
        oldest = await self._store.oldest_open(
            source.org.id, source.vendor, live, known.reached - LONGEST_OPEN
        )
        return min(known.reached - OVERLAP, oldest or known.reached)

    async def _page(
        self,
        source: Source,
        door: Door,
        asking: Asking,
        request: Request,
        since: datetime | None,
        pulled: Pulled,
    ) -> Request | None:
        """Take in a page and remember it; answers the request for the next one."""
        api = door.list_api
        assert api is not None  # noqa: S101 the caller has looked
        listed = _listed(api, await asking.answer(request), request)
        items = [self._item(source, door, raw, number) for number, raw in enumerate(listed.items)]
        if api.one is not None:
            await self._fill_in(source, door, api, asking, items)
        seen = [one for item in items for one in item.seen]
        results = await self._commits.take(source.org, seen) if seen else []
        await self._note(source, items, results, pulled)
        following = listed.following
        made = [item.created_at for item in items if item.created_at is not None]
        if since is not None and api.newest_first and made and max(made) < since:
            following = None
        pulled.pages += 1
        pulled.total = listed.total if listed.total is not None else pulled.total
        named = {
            item.vendor_call_id: ListedCall(item.vendor_call_id, item.created_at, item.reason)
            for item in items
        }
        await self._store.advance(
            source.org.id,
            UUID(source.id),
            None if following is None else msgspec.json.encode(following).decode(),
            list(named.values()),
        )
        return following

    def _item(self, source: Source, door: Door, raw: Any, number: int) -> _Item:
        origin = Origin(
            vendor=source.vendor, source=source.label or source.vendor, source_id=source.id, event="pull"
        )
        try:
            sighting = checked(door.from_wire(raw))
        except Unreadable as error:
            return _Item(_name_of(raw, number), [], None, str(error)[:300])
        made = sighting.created_at if isinstance(sighting.created_at, datetime) else None
        return _Item(sighting.vendor_call_id, [Seen(sighting, encoded(raw), origin)], made)

    async def _fill_in(
        self, source: Source, door: Door, api: ListApi, asking: Asking, items: list[_Item]
    ) -> None:
        """Ask for each call in full whose line in the list is not known yet."""
        lines = [
            (item.vendor_call_id, hashlib.sha256(item.seen[0].raw or b"").digest())
            for item in items
            if item.seen
        ]
        kept = await self._store.kept(source.org.id, source.vendor, lines)
        for item in items:
            if not item.seen or hashlib.sha256(item.seen[0].raw or b"").digest() in kept or api.one is None:
                continue
            answer = await asking.answer(api.one(item.vendor_call_id))
            raw = answer if api.read_one is None else api.read_one(answer)
            whole = self._item(source, door, raw, 0)
            item.reason = whole.reason
            item.created_at = item.created_at or whole.created_at
            item.seen = [*whole.seen, *item.seen]

    async def _note(self, source: Source, items: list[_Item], results: list[Result], pulled: Pulled) -> None:
        repaired, place = [], 0
        for item in items:
            states = {result.state for result in results[place : place + len(item.seen)]}
            place += len(item.seen)
            pulled.calls += 1
            if item.reason is not None:
                pulled.unreadable.append(f"{item.vendor_call_id}: {item.reason}")
            if State.NEW in states:
                pulled.new += 1
                if self._should_have_come(source, item):
                    repaired.append(ListedCall(item.vendor_call_id, item.created_at))
            elif State.CHANGED in states:
                pulled.changed += 1
            elif State.DELETED in states:
                pulled.deleted += 1
            elif states:
                pulled.unchanged += 1
        if repaired:
            pulled.repaired += len(repaired)
            await self._store.repaired(source.org.id, UUID(source.id), repaired, self._clock())

    def _should_have_come(self, source: Source, item: _Item) -> bool:
        """Whether a webhook should have told of a call: made since there is a source, and long over."""
        said: Sighting | None = item.seen[0].sighting
        if said is None or item.created_at is None or item.created_at < source.created_at:
            return False
        over = said.ended_at if isinstance(said.ended_at, datetime) else item.created_at
        return over < self._clock() - GRACE


def _listed(api: ListApi, answer: Any, request: Request) -> Listed:
    try:
        return api.read(answer, request)
    except Unreadable as error:
        raise PullFailed(f"an answer of the vendor cannot be read: {error}") from None


def _name_of(raw: Any, number: int) -> str:
    """A name for a call that cannot be read: its id if there is one to be seen."""
    if isinstance(raw, dict):
        for name in ("id", "call_id", "call_sid", "conversation_id", "callId", "sid"):
            if isinstance(raw.get(name), str) and raw[name]:
                return str(raw[name])[:200]
    return f"item {number}"


def _first_whole_hour(since: datetime | None) -> datetime:
    if since is None:
        return BEGINNING
    hour = since.replace(minute=0, second=0, microsecond=0)
    return hour if hour == since else hour + timedelta(hours=1)
