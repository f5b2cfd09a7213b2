"""Compressed files as streams of their content."""

from __future__ import annotations

import gzip
import io
from typing import IO, Any

import zstandard

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What begins like this is compressed so."""

_CHUNK = 16 * 1024
"""Compressed bytes that are read at a time; decompressed, they may be many more."""


def unpacked(file: io.BufferedReader[Any]) -> IO[bytes]:
    """The content of a file; gzip and zstd are recognised by their first bytes.

    Reading raises `OSError`, `EOFError`, `zlib.error` or `zstandard.ZstdError` where it cannot continue.
    """
    first = file.peek(len(ZSTD))
    if first.startswith(GZIP):
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    return io.BufferedReader(_Zstd(file)) if first.startswith(ZSTD) else file


class _Zstd(io.RawIOBase):
    """A zstd file, of one frame or several; a truncated one raises `EOFError`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """The stream can only be read."""
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
        piece = self._ready[: len(buffer)]
        buffer[: len(piece)] = piece
        self._ready = self._ready[len(piece) :]
        return len(piece)
