"""Limits: resources that all orgs share, of which each org has a part, so that none can use up the others'.

A limit has a capacity. One org uses at most its share of it, whether or not others need it, and requests that
find none free wait: those of one org in order of arrival, the orgs in turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from msgspec import Struct

from trunkline.model.faults import Fault, Refused


class Usage(Struct, kw_only=True):
    """The usage of a limit, for monitoring."""

    name: str
    capacity: int
    share: int
    held: int
    waiting: int
    refused: int
    """Requests that were refused since the process began."""
    timeouts: int
    """Requests among these that waited until their timeout."""


class _Waiter:
    __slots__ = ("amount", "deadline", "has_units", "org_id", "served")

    def __init__(self, org_id: int, amount: int, deadline: float, served: asyncio.Future[None]) -> None:
        self.org_id = org_id
        self.amount = amount
        self.deadline = deadline
        self.served = served
        self.has_units = False


class Shares:
    """A limit: `capacity` units in all, of which one org holds at most its `share`.

    At most `waiting` requests of an org wait at a time, each for at most `wait_seconds`; any more are refused
    at once, with a sentence that names what there is too much of. An org that waits is served before any
    other org is served twice.
    """

    def __init__(
        self, name: str, *, capacity: int, share: int, waiting: int = 0, wait_seconds: float = 30.0
    ) -> None:
        """`name` is what the units are used for, in the plural, as in the refusal."""
        if not 0 <= share <= capacity:
            raise ValueError(f"the share of {name} is at most the capacity")
        self.name = name
        self.capacity = capacity
        self.share = share
        self._max_waiting = waiting
        self._wait_seconds = wait_seconds
        self._held: dict[int, int] = {}
        self._total = 0
        self._turns: dict[int, deque[_Waiter]] = {}
        """The orgs that wait, the next one first."""
        self._deadlines: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_reserved = False
        """Whether the free units are reserved for a waiter that needs more of them."""
        self._refused = 0
        self._timeouts = 0

    def of(self, org_id: int, amount: int = 1) -> Lease:
        """Units for an `async with`, which waits for them; it raises `Refused` with `UNAVAILABLE`."""
        return Lease(self, org_id, amount)

    def take(self, org_id: int, amount: int = 1) -> None:
        """Acquire units without waiting; raises `Refused` with `UNAVAILABLE` if they are not free."""
        if not self.try_acquire(org_id, amount):
            raise self._refusal(org_id, amount)

    async def acquire(self, org_id: int, amount: int = 1) -> None:
        """Acquire units, and wait for them if need be; raises `Refused` with `UNAVAILABLE`."""
        if self.try_acquire(org_id, amount):
            return
        queue = self._turns.get(org_id)
        if amount > self.share or (0 if queue is None else len(queue)) >= self._max_waiting:
            raise self._refusal(org_id, amount)
        waiter = self._wait(org_id, amount)
        try:
            await waiter.served
        except BaseException:
            if waiter.has_units:
                self.release(org_id, amount)  # it was served at the moment of its timeout
            else:
                self._forget(waiter)
            raise
        if not waiter.has_units:
            self._timeouts += 1
            raise self._refusal(org_id, amount)

    def _wait(self, org_id: int, amount: int) -> _Waiter:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(org_id, amount, loop.time() + self._wait_seconds, loop.create_future())
        self._turns.setdefault(org_id, deque()).append(waiter)
        while self._deadlines and self._deadlines[0].served.done():
            self._deadlines.popleft()
        self._deadlines.append(waiter)
        if self._timer is None:
            self._timer = loop.call_at(waiter.deadline, self._expire)
        if amount > 1:
            # A large request reserves the free units that it waits for: small ones behind it wait too.
            self._serve()
        return waiter

    def _expire(self) -> None:
        """Refuse the waiters whose time is over; all wait equally long, so the first came first."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._deadlines and (
            (waiter := self._deadlines[0]).served.done() or waiter.deadline <= loop.time()
        ):
            self._deadlines.popleft()
            if not waiter.served.done():
                waiter.served.set_result(None)
                self._forget(waiter)
        if self._deadlines:
            self._timer = loop.call_at(self._deadlines[0].deadline, self._expire)

    def release(self, org_id: int, amount: int = 1) -> None:
        """Release units."""
        self._total -= amount
        held = self._held[org_id] - amount
        if held:
            self._held[org_id] = held
        else:
            del self._held[org_id]
        if self._turns:
            self._serve()

    def held(self, org_id: int) -> int:
        """How many units an org holds."""
        return self._held.get(org_id, 0)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._turns.values()))

    @property
    def usage(self) -> Usage:
        """The current usage of the limit."""
        return Usage(
            name=self.name,
            capacity=self.capacity,
            share=self.share,
            held=self._total,
            waiting=self.waiting,
            refused=self._refused,
            timeouts=self._timeouts,
        )

    def try_acquire(self, org_id: int, amount: int = 1) -> bool:
        """Acquire units if they are free."""
        if amount < 1:
            raise ValueError(f"{amount} is not a valid amount of {self.name}")
        held = self._held.get(org_id, 0) + amount
        total = self._total + amount
        if held > self.share or total > self.capacity or self._is_reserved or org_id in self._turns:
            return False
        self._held[org_id] = held
        self._total = total
        return True

    def _serve(self) -> None:
        """Give the free units to the waiters whose turn it is."""
        served = True
        while served:
            served = False
            self._is_reserved = False
            for org_id, queue in self._turns.items():
                if queue[0].served.done():  # it was cancelled and is about to leave
                    queue.popleft()
                    if not queue:
                        del self._turns[org_id]
                    served = True
                    break
                amount = queue[0].amount
                if self._held.get(org_id, 0) + amount > self.share:
                    continue  # it only waits for its own share, and keeps its turn
                if self._total + amount > self.capacity:
                    self._is_reserved = True
                    return
                self._grant(org_id, queue)
                if self._total >= self.capacity:
                    return
                served = True
                break  # the order of turns has changed

    def _grant(self, org_id: int, queue: deque[_Waiter]) -> None:
        waiter = queue.popleft()
        self._held[org_id] = self._held.get(org_id, 0) + waiter.amount
        self._total += waiter.amount
        if not queue:
            del self._turns[org_id]
        elif len(self._turns) > 1:
            del self._turns[org_id]
            self._turns[org_id] = queue  # at the end: all others come first
        waiter.has_units = True
        waiter.served.set_result(None)

    def _forget(self, waiter: _Waiter) -> None:
        queue = self._turns.get(waiter.org_id)
        if queue is None or waiter not in queue:
            return  # another org was served in between, and this one was not
        queue.remove(waiter)
        if not queue:
            del self._turns[waiter.org_id]
        self._serve()

    def _refusal(self, org_id: int, amount: int) -> Refused:
        self._refused += 1
        held = self.held(org_id)
        if held + amount > self.share:
            queue = self._turns.get(org_id)
            waiting = f" and {len(queue)} waiting" if queue else ""
            detail = f"your org has {held:,} {self.name} under way{waiting}; try again when some have ended"
        else:
            detail = f"the server has {self._total:,} {self.name} under way for all orgs; try again"
        return Refused(Fault.UNAVAILABLE, detail)


class Lease:
    """Units of a limit that an `async with` holds."""

    __slots__ = ("_amount", "_org_id", "_shares")

    def __init__(self, shares: Shares, org_id: int, amount: int) -> None:
        self._shares = shares
        self._org_id = org_id
        self._amount = amount

    async def __aenter__(self) -> None:
        if not self._shares.try_acquire(self._org_id, self._amount):
            await self._shares.acquire(self._org_id, self._amount)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shares.release(self._org_id, self._amount)


class LeasePair:
    """A unit of each of two limits, acquired in their order, that an `async with` holds.

    Every read needs both, so they are acquired in one step if they are free.
    """

    __slots__ = ("_first", "_org_id", "_second")

    def __init__(self, first: Shares, second: Shares, org_id: int) -> None:
        self._first = first
        self._second = second
        self._org_id = org_id

    async def __aenter__(self) -> None:
        if not self._first.try_acquire(self._org_id, 1):
            await self._first.acquire(self._org_id)
        if not self._second.try_acquire(self._org_id, 1):
            try:
                await self._second.acquire(self._org_id)
            except BaseException:
                self._first.release(self._org_id)
                raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._second.release(self._org_id)
        self._first.release(self._org_id)


PATIENCE_SECONDS = 60.0
"""How long the client of a long answer may read nothing of it."""

CONTENDED_PATIENCE_SECONDS = 15.0
"""The same while somebody waits for what the answer holds."""

MAX_WAITING = 1000
"""Requests of one org that wait for a connection to the database."""

MAX_LONG_WAITING = 32
"""Long answers of one org that wait for others to end."""

MAX_WRITES = 20_000
MAX_WRITE_BYTES = 256 * 1024 * 1024
"""Sightings, and bytes of their payloads, that wait in one process to be stored."""

MAX_SPOOLED_BYTES = 4 * 1024 * 1024 * 1024
"""Bytes of long answers that a process keeps in files for clients that read more slowly than it does."""

_SMALL_POOL = 4
"""With fewer connections than this there are too few to share."""


class OrgLimits(Struct, frozen=True, kw_only=True):
    """The resources that the orgs of a process share, and each org's part of them."""

    connections: Shares
    """Connections to the database that requests of orgs use. One is left for requests without an org, such as
    looking up a key."""
    reads: Shares
    """Those among them that read, so that an org's own reads do not block its writes."""
    long_answers: Shares
    """Those among these that an answer holds for as long as its client reads."""
    stream_reads: Shares
    """Those among these that read the next changes of a stream."""
    spooled: Shares
    """Bytes of long answers that wait in files for their clients."""
    deletions: Shares
    streams: Shares
    writes: Shares
    write_bytes: Shares

    @classmethod
    def of(cls, pool_size: int, streams: int = 400) -> OrgLimits:
        """Limits for so many connections and streams.

        One org always leaves one connection to the others, and one of the long answers.
        """
        is_small = pool_size < _SMALL_POOL
        capacity = pool_size if is_small else pool_size - 1
        share = pool_size if is_small else pool_size - 2
        half = max(1, pool_size // 2)
        return cls(
            connections=Shares("requests", capacity=capacity, share=share, waiting=MAX_WAITING),
            reads=Shares(
                "reads", capacity=capacity, share=min(share, max(2, share - 1)), waiting=MAX_WAITING
            ),
            long_answers=Shares(
                "long answers", capacity=half, share=max(1, half - 1), waiting=MAX_LONG_WAITING
            ),
            stream_reads=Shares(
                "reads of streams", capacity=half, share=max(1, half // 2), waiting=max(1, streams)
            ),
            spooled=Shares(
                "bytes of spooled answers", capacity=MAX_SPOOLED_BYTES, share=MAX_SPOOLED_BYTES // 4
            ),
            deletions=Shares("deletions", capacity=half, share=1, waiting=MAX_WAITING),
            streams=Shares("streams", capacity=streams, share=(streams + 1) // 2),
            writes=Shares("writes", capacity=MAX_WRITES, share=MAX_WRITES // 2),
            write_bytes=Shares("bytes of writes", capacity=MAX_WRITE_BYTES, share=MAX_WRITE_BYTES // 2),
        )

    def reading(self, org_id: int) -> LeasePair:
        """A connection for a statement that reads, for an `async with`; it raises `Refused`."""
        return LeasePair(self.reads, self.connections, org_id)

    @property
    def patience_seconds(self) -> float:
        """How long the client of a long answer may read nothing of it at present."""
        held = (self.long_answers, self.reads, self.connections)
        return CONTENDED_PATIENCE_SECONDS if any(one.waiting for one in held) else PATIENCE_SECONDS

    @property
    def usage(self) -> list[Usage]:
        """The current usage of each limit."""
        return [getattr(self, name).usage for name in self.__struct_fields__]
