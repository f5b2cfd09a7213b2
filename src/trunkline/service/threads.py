"""Threads for work that takes more than a few milliseconds of processor time, shared by all orgs in turn.

The event loop answers everybody, so nothing may hold it. What is small is done on the spot by whoever has it,
since a thread costs more than it saves there.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar

from trunkline.service.limits import Shares

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
"""More would not get anything done sooner: they take turns at the interpreter."""

INLINE_BYTES = 64 * 1024
"""Bytes of JSON up to which work is done on the spot; reading so much takes a millisecond or two."""

_MAX_WAITING = 200
_MAX_WAIT_SECONDS = 60.0

SWITCH_SECONDS = 0.0001
"""That a thread may work while the one that answers requests wants to; fifty times less than is usual."""


def let_threads_take_turns() -> None:
    """Set a server process up so that work in threads does not hold up what is answered meanwhile.

    What was made when the process began stays, and is not looked through again by the garbage collector.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()


class Run(Protocol):
    """Does work in a thread for an org that is known."""

    def __call__(self, work: Callable[..., T], /, *args: Any) -> Awaitable[T]:
        """Do work that only calculates; raises what it raises."""


async def run_in_thread(work: Callable[..., T], /, *args: Any) -> T:
    """Do work in any thread, where there are no orgs to share them."""
    return await asyncio.to_thread(work, *args)


class WorkThreads:
    """Runs functions that only calculate, for one org after the other."""

    def __init__(self, threads: int = THREADS) -> None:
        """An org has one of the threads at a time, so that another one finds one free."""
        self.shares = Shares(
            "large requests",
            capacity=threads,
            share=1,
            waiting=_MAX_WAITING,
            wait_seconds=_MAX_WAIT_SECONDS,
        )
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="work")

    async def run(self, org_id: int, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Do work in a thread; raises what it raises.

        Raises `Refused` with `UNAVAILABLE` if too much of the org waits. What has begun is not interrupted,
        and counts until it ends, also when nobody waits for it any more.
        """
        await self.shares.acquire(org_id)
        loop = asyncio.get_running_loop()
        try:
            future = self._executor.submit(work, *args, **options)
        except BaseException:
            self.shares.release(org_id)
            raise

        def done(_: Future[T]) -> None:
            loop.call_soon_threadsafe(self.shares.release, org_id)

        future.add_done_callback(done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for what has begun."""
        self._executor.shutdown(cancel_futures=True)
