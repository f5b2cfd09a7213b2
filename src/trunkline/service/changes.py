"""Following calls: the followers of an org are woken when any process changes a call of it."""

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
"""Followers that are not woken read changes this often: a lost wake-up only causes a delay."""

Listen = Callable[[Callable[[int | None], None]], Awaitable[None]]
"""Reports the org of each change for ever; `None` when some may have been missed."""


class Changes:
    """Reads changes, once or for as long as a client follows.

    A process has one connection that listens, opened for the first client that follows. A client that follows
    holds no connection while nothing happens, and only a few read at the same time.
    """

    def __init__(
        self,
        store: ChangeStore,
        listen: Listen,
        *,
        limits: OrgLimits,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._listen = listen
        self._listener: asyncio.Task[None] | None = None
        self._limits = limits
        self._poll_seconds = poll_seconds
        self._followers: dict[int, set[asyncio.Event]] = {}

    async def page(self, org: Org, intent: ListChanges, _: CallIds) -> ChangeBatch:
        """Some changes; raises `Refused` with `BAD_REQUEST` for a sequence number not yet assigned."""
        await self._begin(org, intent.after)
        return await self._read_batch(org, intent, intent.after)

    async def follow(self, org: Org, intent: FollowCalls, _: CallIds) -> ChangeStream:
        """Changes as they happen, batch after batch; none is missed and none comes twice.

        The first batch may raise `Refused`, with `UNAVAILABLE` if too many clients follow and with
        `BAD_REQUEST` for a sequence number that was not assigned yet; any may raise what the driver raises.
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
            sequence = await self._begin(org, intent.after)
            yielded_at, was_behind = time.monotonic(), True
            yield ChangeBatch((), sequence, has_more=True)
            while True:
                woken.clear()
                batch = await self._read_batch(org, intent, sequence)
                caught_up, was_behind = was_behind and not batch.has_more, batch.has_more
                is_due = time.monotonic() - yielded_at >= self._poll_seconds
                # An empty batch is passed on only now and then, however often something else changes.
                if batch.changes or is_due or (caught_up and batch.sequence > sequence):
                    yielded_at = time.monotonic()
                    yield batch
                sequence = batch.sequence
                if not batch.has_more:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_seconds):
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
            # It is from another log, or this one was restored from a backup: continuing would skip changes.
            raise Refused(
                Fault.BAD_REQUEST, "no change has this sequence number yet; start again with 0", "after"
            )
        return after

    async def _read_batch(self, org: Org, intent: ListChanges | FollowCalls, after: int) -> ChangeBatch:
        async with self._limits.stream_reads.of(org.id), self._limits.reading(org.id):
            return await self._store.read_batch(
                org.id, intent.filter, after, with_transcript=intent.with_transcript
            )

    def wake(self, org_id: int | None) -> None:
        """Wake everyone who follows an org; everyone at all, if it is not known which org changed."""
        if org_id is not None:
            for woken in self._followers.get(org_id, ()):
                woken.set()
            return
        for followers in self._followers.values():
            for woken in followers:
                woken.set()
