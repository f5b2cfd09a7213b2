"""Work in threads: one piece of an org at a time, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from tests.conftest import MAX_WAIT_SECONDS
from trunkline.service.threads import WorkThreads

T = TypeVar("T")


async def within_reason(work: Awaitable[T]) -> T:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        return await work


async def _one_piece_of_an_org_at_a_time() -> None:
    threads = WorkThreads(2)
    begun, go = threading.Semaphore(0), threading.Event()

    def work(name: str) -> str:
        begun.release()
        go.wait(MAX_WAIT_SECONDS)
        return name

    mine = [asyncio.ensure_future(threads.run(1, work, f"mine {number}")) for number in range(3)]
    await asyncio.sleep(0)
    theirs = asyncio.ensure_future(threads.run(2, work, "theirs"))
    await within_reason(asyncio.to_thread(lambda: [begun.acquire(), begun.acquire()]))
    assert (threads.shares.held(1), threads.shares.held(2), threads.shares.waiting) == (1, 1, 2)
    go.set()
    assert await within_reason(asyncio.gather(*mine, theirs)) == ["mine 0", "mine 1", "mine 2", "theirs"]
    threads.close()


def test_an_org_has_one_thread_however_much_it_brings() -> None:
    asyncio.run(_one_piece_of_an_org_at_a_time())


async def _counts_until_it_ends() -> None:
    threads = WorkThreads(1)
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(MAX_WAIT_SECONDS)

    left = asyncio.ensure_future(threads.run(1, work))
    await within_reason(asyncio.to_thread(begun.wait))
    left.cancel()
    await asyncio.wait({left})
    assert left.cancelled()
    assert threads.shares.held(1) == 1
    following = asyncio.ensure_future(threads.run(2, threading.get_ident))
    go.set()
    assert await within_reason(following) != threading.get_ident()
    threads.close()


def test_work_that_nobody_waits_for_any_more_counts_until_it_ends() -> None:
    asyncio.run(_counts_until_it_ends())


async def _what_goes_wrong() -> None:
    threads = WorkThreads()
    with pytest.raises(ZeroDivisionError):
        await threads.run(1, lambda: 1 / 0)
    # The place is given back by the loop, in a turn of its own.
    assert await within_reason(threads.run(1, lambda: "next")) == "next"
    threads.close()


def test_what_goes_wrong_comes_back_to_whoever_asked_and_gives_its_place_back() -> None:
    asyncio.run(_what_goes_wrong())
