"""Following calls: who follows an org is woken when something of it changes, by whichever process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from trunkline.kit.call_ids import CallIds
from trunkline.model.changes import ChangeBatch, ChangeStream
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import FollowCalls, ListChanges
from trunkline.service.calls import Org
from trunkline.service.limits import OrgLimits
from trunkline.store.changes import ChangeStore

POLL_SECONDS = 10.0
"""After which everyone looks without having been woken: a wake-up that is lost delays, and loses nothing."""

Listen = Callable[[Callable[[int | None], None]], Awaitable[None]]
"""Tells the org of each change for ever; `None` when some may have been missed."""


class Changes:
    """Answers questions about changes, at once or for as long as somebody follows.

    A process has one connection that listens, from when somebody follows first. Who follows holds no
    connection while nothing happens, and no more than a few look at the same time.
    """

    def __init__(
        self,
        store: ChangeStore,
        listen: Listen,
        *,
        limits: OrgLimits,
        look_again_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._listen = listen
        self._listener: asyncio.Task[None] | None = None
        self._limits = limits
        self._look_again_seconds = look_again_seconds
        self._followers: dict[int, set[asyncio.Event]] = {}

    async def page(self, org: Org, intent: ListChanges, _: CallIds) -> ChangeBatch:
        """Some changes; raises `Refused` with `BAD_REQUEST` for a place that was not given out yet."""
        await self._begin(org, intent.after)
        return await self._read_batch(org, intent, intent.after)

    async def follow(self, org: Org, intent: FollowCalls, _: CallIds) -> ChangeStream:
        """Changes as they come, each look after the last; none is missed and none comes twice.

        The looks raise `Refused` at first, with `UNAVAILABLE` if too many follow and with `BAD_REQUEST` for a
        place that was not given out yet, and what the driver raises.
        """
        return ChangeStream(self._follow(org, intent))

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait({self._listener})

    async def _follow(self, org: Org, intent: FollowCalls) -> AsyncGenerator[ChangeBatch, None]:
        self._limits.streams.take(org.id)
        woken = asyncio.Event()
        followers = self._followers.setdefault(org.id, set())
        followers.add(woken)
        try:
            if self._listener is None or self._listener.done():
                self._listener = asyncio.ensure_future(self._listen(self.wake))
            place = await self._begin(org, intent.after)
            told_at, was_behind = time.monotonic(), True
            yield ChangeBatch((), place, has_more=True)
            while True:
                woken.clear()
                look = await self._read_batch(org, intent, place)
                caught_up, was_behind = was_behind and not look.has_more, look.has_more
                is_due = time.monotonic() - told_at >= self._look_again_seconds
                # A look that found nothing is told now and then only, however often something else changes.
                if look.changes or is_due or (caught_up and look.sequence > place):
                    told_at = time.monotonic()
                    yield look
                place = look.sequence
                if not look.has_more:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._look_again_seconds):
                            await woken.wait()
        finally:
            self._limits.streams.release(org.id)
            followers.discard(woken)
            if not followers and self._followers.get(org.id) is followers:
                del self._followers[org.id]

    async def _begin(self, org: Org, after: int | None) -> int:
        reach = await self._store.head(org.id)
        if after is None:
            return reach
        if after > reach:
            # It is another log's, or this one was set back since: to go on would leave out changes.
            raise Refused(Fault.BAD_REQUEST, "no change has this place yet; begin again with 0", "after")
        return after

    async def _read_batch(self, org: Org, intent: ListChanges | FollowCalls, after: int) -> ChangeBatch:
        async with self._limits.looks.of(org.id), self._limits.reading(org.id):
            return await self._store.read_batch(
                org.id, intent.filter, after, with_transcript=intent.with_transcript
            )

    def wake(self, org_id: int | None) -> None:
        """Have whoever follows an org look at once; everybody, if it is not known which org changed."""
        if org_id is not None:
            for woken in self._followers.get(org_id, ()):
                woken.set()
            return
        for followers in self._followers.values():
            for woken in followers:
                woken.set()
