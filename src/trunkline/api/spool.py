"""Long answers are read to their end when their client is slow, and wait for it in a file.

A long answer holds a connection to the database, and its snapshot, for as long as it is read. A snapshot that
is held makes every write slower, of every org: PostgreSQL has to keep, and to step over, all versions of a
row that came after it. So an answer whose client is slower than the database is read ahead into a file, up to
an amount of bytes for each org.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import IO

import structlog

from trunkline.service.limits import Shares

log = structlog.get_logger(__name__)

SLOW_SECONDS = 0.25
"""How long a chunk waits for its client before the rest is read into a file."""

MIN_FREE_BYTES = 1024 * 1024 * 1024
"""Bytes of the disk that stay free: the database may be on the same one."""

PIECE_BYTES = 256 * 1024
"""How much is read from a file at a time."""

Folder = Callable[[], Path]
"""Where the files are. They have no names, and are gone with the process."""


class Spool:
    """Reads long answers ahead of slow clients."""

    def __init__(self, shares: Shares, folder: Folder, slow_seconds: float = SLOW_SECONDS) -> None:
        """`shares` are bytes in files."""
        self._shares = shares
        self._folder = folder
        self._slow_seconds = slow_seconds

    async def chunks(self, org_id: int, source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The bytes of a source, which is read ahead once a chunk of it has to wait.

        Raises what the source raises, after the bytes that came before. Where no file can be written, or the
        org's share of bytes is used up, the source waits for the client.
        """
        answer = _Answer(org_id, self._shares, self._folder, self._slow_seconds)
        filling = asyncio.create_task(answer.fill(source))
        try:
            while (chunk := await answer.next()) is not None:
                yield chunk
            await filling
        finally:
            filling.cancel()
            with suppress(asyncio.CancelledError, Exception):  # it was raised already, or nobody wants it
                await filling
            await answer.close()


class _Answer:
    """What was read of one answer and not yet sent: a chunk in memory, and after it what is in the file."""

    def __init__(self, org_id: int, shares: Shares, folder: Folder, slow_seconds: float) -> None:
        self._org_id = org_id
        self._shares = shares
        self._folder = folder
        self._slow_seconds = slow_seconds
        self._chunk: bytes | None = None
        self._file: IO[bytes] | None = None
        self._may_write = True
        self._read_bytes = 0
        self._written_bytes = 0
        self._held_bytes = 0
        self._writing: asyncio.Future[None] | None = None
        self._has_ended = False
        self._added = asyncio.Event()
        self._taken = asyncio.Event()

    async def fill(self, source: AsyncGenerator[bytes, None]) -> None:
        """Read the source to its end."""
        try:
            async with aclosing(source):
                async for chunk in source:
                    await self._add(chunk)
        finally:
            self._has_ended = True
            self._added.set()

    async def next(self) -> bytes | None:
        """The next bytes; `None` at the end."""
        while self._chunk is None and not self._unread_bytes and not self._has_ended:
            self._added.clear()
            await self._added.wait()
        if self._chunk is not None:
            chunk, self._chunk = self._chunk, None
        elif self._file is not None and self._unread_bytes:
            size = min(PIECE_BYTES, self._unread_bytes)
            chunk = await asyncio.to_thread(os.pread, self._file.fileno(), size, self._read_bytes)
            self._read_bytes += len(chunk)
            if self._writing is None:
                self._empty()
        else:
            return None
        self._taken.set()
        return chunk

    async def close(self) -> None:
        """Remove the file, once nothing is written to it any more: its number may then be another file's."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if self._file is not None:
            self._file.close()
        self._release()

    @property
    def _unread_bytes(self) -> int:
        return self._written_bytes - self._read_bytes

    async def _add(self, chunk: bytes) -> None:
        while self._unread_bytes:
            if await self._write(chunk):
                return
            if self._unread_bytes:  # the client may have taken it all while the write failed
                await self._wait(None)
        while self._chunk is not None:
            if not await self._wait(self._slow_seconds) and await self._write(chunk):
                return
        self._chunk = chunk
        self._added.set()

    async def _wait(self, seconds: float | None) -> bool:
        """Wait until the client has taken something; false if that took longer."""
        self._taken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._taken.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, chunk: bytes) -> bool:
        """Write a chunk into the file; false if it has no room there."""
        if not chunk:
            return True
        if not self._may_write or not self._shares.try_acquire(self._org_id, len(chunk)):
            return False
        self._held_bytes += len(chunk)
        self._writing = asyncio.get_running_loop().run_in_executor(
            None, self._write_at, self._written_bytes, chunk
        )
        try:
            await asyncio.shield(self._writing)
        except OSError as error:
            log.warning("a long answer waits for its client", reason=repr(error)[:200])
            self._may_write = False
            self._writing = None
            self._empty()
            return False
        self._writing = None
        self._written_bytes += len(chunk)
        self._added.set()
        return True

    def _write_at(self, offset: int, chunk: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder(), buffering=0)  # noqa: SIM115 see `close`
        disk = os.fstatvfs(self._file.fileno())
        if disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES + len(chunk):
            raise OSError(errno.ENOSPC, "too little of the disk is free for answers to wait there")
        rest = memoryview(chunk)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, offset)
            rest, offset = rest[written:], offset + written

    def _empty(self) -> None:
        """Give the room of the file back if all of it was read; nothing must be written meanwhile."""
        if self._file is not None and not self._unread_bytes:
            self._read_bytes = self._written_bytes = 0
            os.ftruncate(self._file.fileno(), 0)
            self._release()

    def _release(self) -> None:
        if self._held_bytes:
            self._shares.release(self._org_id, self._held_bytes)
            self._held_bytes = 0
