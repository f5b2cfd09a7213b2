"""Compression of a stream of bytes, chunk by chunk."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard
from msgspec import Struct


class Compressor(Protocol):
    """A compressor in the middle of a stream."""

    def compress(self, data: bytes, /) -> bytes:
        """Add data; returns what is ready of the compressed stream."""

    def flush(self) -> bytes:
        """The rest of the stream."""


class Compression(Struct, frozen=True):
    """A way to compress a file."""

    name: str
    suffix: str
    """Added to the file's name."""
    media_type: str | None
    """`None` leaves the media type of what is inside."""
    open: Callable[[], Compressor]

    @property
    def compresses(self) -> bool:
        """Whether it compresses at all, which is work for a thread of its own."""
        return self.media_type is not None


class _AsItIs:
    """Leaves a stream alone."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the data unchanged."""
        return data

    def flush(self) -> bytes:
        """Nothing is ever buffered."""
        return b""


def _gzip() -> Compressor:
    return zlib.compressobj(level=5, wbits=zlib.MAX_WBITS | 16)


def _zstd() -> Compressor:
    packer: Compressor = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    return packer


NONE = Compression("none", "", None, _AsItIs)
GZIP = Compression("gzip", ".gz", "application/gzip", _gzip)
ZSTD = Compression("zstd", ".zst", "application/zstd", _zstd)
