"""A long answer whose client is slow is read to its end into a file, and arrives byte for byte."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MAX_WAIT_SECONDS
from trunkline.api.spool import Spool
from trunkline.service.limits import Shares

ORG = 7


class Source:
    """Chunks to be read, and how far somebody has come."""

    def __init__(self, chunks: Sequence[bytes], failure: Exception | None = None) -> None:
        self._chunks = chunks
        self._failure = failure
        self.read = 0
        self.is_closed = False
        self.at_end = asyncio.Event()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            for chunk in self._chunks:
                self.read += 1
                yield chunk
            self.at_end.set()
            if self._failure is not None:
                raise self._failure
        finally:
            self.is_closed = True


def room(capacity: int = 1 << 30, share: int | None = None) -> Shares:
    return Shares("bytes", capacity=capacity, share=capacity if share is None else share)


def spool(shares: Shares, folder: Path | None = None) -> Spool:
    """One for which every chunk that has to wait at all is slow."""
    return Spool(shares, lambda: folder or Path(gettempdir()), slow_seconds=0)


def run(work: object) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await work  # type: ignore[misc]

    asyncio.run(bounded())


@given(
    chunks=st.lists(st.binary(max_size=300), max_size=12),
    pauses=st.lists(st.integers(0, 4), max_size=30),
    share=st.integers(0, 1000),
)
def test_every_byte_arrives_in_order_however_the_client_reads(
    chunks: list[bytes], pauses: list[int], share: int
) -> None:
    shares = room(1000, share)

    async def read() -> None:
        source, took, found = Source(chunks), iter(pauses), b""
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            async for chunk in answer:
                found += chunk
                assert shares.held(ORG) <= share
                for _ in range(next(took, 0)):
                    await asyncio.to_thread(int)
        assert found == b"".join(chunks)
        assert source.is_closed
        assert shares.held(ORG) == 0

    run(read())


def test_what_a_slow_client_has_not_read_yet_is_read_from_the_source_all_the_same() -> None:
    async def read() -> None:
        shares, source = room(), Source([bytes([number]) * 1000 for number in range(200)])
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            first = await anext(answer)
            await source.at_end.wait()
            assert source.read == 200
            rest = [chunk async for chunk in answer]
        assert first + b"".join(rest) == b"".join(bytes([number]) * 1000 for number in range(200))

    run(read())


def test_a_client_that_keeps_up_needs_no_file(tmp_path: Path) -> None:
    async def read() -> None:
        source = Source([b"x"] * 50)
        patient = Spool(room(0), lambda: tmp_path / "is not there", slow_seconds=MAX_WAIT_SECONDS)
        assert b"".join([chunk async for chunk in patient.chunks(ORG, source.chunks())]) == b"x" * 50

    run(read())


def test_an_org_has_no_more_than_its_share_in_files() -> None:
    async def read() -> None:
        shares = room(10_000, share=2500)
        source = Source([b"x" * 1000] * 10)
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            assert await anext(answer) == b"x" * 1000
            while shares.held(ORG) < 2000:
                await asyncio.to_thread(int)
            assert len(b"".join([chunk async for chunk in answer])) == 9000
            assert source.read == 10
        assert shares.held(ORG) == 0

    run(read())


def test_a_failure_comes_after_what_was_read_before_it() -> None:
    async def read() -> None:
        source, found = Source([b"a", b"b", b"c"], RuntimeError("in the middle")), b""
        answer = spool(room()).chunks(ORG, source.chunks())
        while len(found) < 3:
            found += await anext(answer)
            await source.at_end.wait()
        assert found == b"abc"
        with pytest.raises(RuntimeError, match="in the middle"):
            await anext(answer)

    run(read())


def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    async def read() -> None:
        shares, source = room(), Source([b"x" * 1000] * 100)
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            await anext(answer)
            await source.at_end.wait()
        assert source.is_closed
        assert shares.held(ORG) == 0

    run(read())


def test_without_room_on_the_disk_the_source_waits_for_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("os.pwrite", full)

    async def read() -> None:
        shares, source = room(), Source([b"x" * 1000] * 20)
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            found = [chunk async for chunk in answer]
        assert len(b"".join(found)) == 20_000
        assert shares.held(ORG) == 0

    run(read())


def test_a_write_that_fails_while_the_client_catches_up_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = os.pwrite
    may_fail = threading.Event()

    def full(file: int, data: bytes, offset: int) -> int:
        if offset == 0:
            return written(file, data, offset)
        may_fail.wait(MAX_WAIT_SECONDS)
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("os.pwrite", full)

    async def read() -> None:
        source = Source([b"a", b"b", b"c", b"d"])
        async with aclosing(spool(room()).chunks(ORG, source.chunks())) as answer:
            found = await anext(answer)
            while source.read < 3:  # "b" waits in the file, and "c" is being written to it
                await asyncio.to_thread(int)
            found += await anext(answer)
            third = asyncio.create_task(anext(answer))
            await asyncio.to_thread(may_fail.set)
            assert found + await third + await anext(answer) == b"abcd"

    run(read())


def test_room_is_given_back_as_soon_as_the_file_was_read() -> None:
    async def read() -> None:
        shares, source = room(), Source([b"x" * 1000] * 10)
        async with aclosing(spool(shares).chunks(ORG, source.chunks())) as answer:
            await anext(answer)
            await source.at_end.wait()
            assert shares.held(ORG) > 0
            found = 1000
            while found < 10_000:
                found += len(await anext(answer))
            assert shares.held(ORG) == 0

    run(read())
