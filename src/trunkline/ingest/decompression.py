"""Compressed files as streams of what is in them."""

from __future__ import annotations

import gzip
import io
from typing import IO, Any

import zstandard

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = 16 * 1024
"""Bytes that are unpacked at a time; packed well, they may be many more."""


def unpacked(file: io.BufferedReader[Any]) -> IO[bytes]:
    """What is in a file; gzip and zstd are known by their first bytes.

    Reading raises `OSError`, `EOFError`, `zlib.error` or `zstandard.ZstdError` where it cannot go on.
    """
    first = file.peek(len(_ZSTD))
    if first.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    return io.BufferedReader(_Zstd(file)) if first.startswith(_ZSTD) else file


class _Zstd(io.RawIOBase):
    """A zstd file, of one frame or several, which is told from one that was cut off."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Reading is all that can be done."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; 0 at the end of the file."""
        while not self._ready:
            chunk = self._frame.unused_data or self._file.read(_CHUNK)
            if not chunk and self._frame.eof:
                return 0
            if not chunk:
                raise EOFError("it ends in the middle of a zstd frame")
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = memoryview(self._frame.decompress(chunk))
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)
