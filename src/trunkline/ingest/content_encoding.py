"""Bodies that a sender compressed: unpacked by what they are, within a bound."""

from __future__ import annotations

import zlib

import zstandard

from trunkline.ingest.decompression import GZIP, ZSTD
from trunkline.kit.payload import Unreadable

MAX_BYTES = 64 * 1024 * 1024
"""Bytes that a body may unpack to."""

_MAX_LAYERS = 3
_AS_IT_IS = frozenset({"", "identity"})
_BY_CONTENT = frozenset({"gzip", "x-gzip", "zstd"})
_PIECE = 256
"""Bytes that are unpacked at a time, of which each four may unpack to 128 KiB."""


def content_of(body: bytes, content_encoding: str) -> bytes:
    """A body without the compression that its header `Content-Encoding` names; raises `Unreadable`.

    A header may be wrong, since proxies unpack and leave it, or pack and do not say so: what begins like
    gzip or Zstandard is unpacked, and what is said to be compressed and is not stays as it is.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    if len(names) > _MAX_LAYERS:
        raise Unreadable("payload", f"is compressed more than {_MAX_LAYERS} times")
    for name in reversed(names):
        if name == "deflate":
            body = _of_deflate(body)
        elif name in _BY_CONTENT:
            body = _by_content(body)
        elif name not in _AS_IT_IS:
            raise Unreadable("payload", f"is compressed in a way that is not known: {name[:40]}")
    for _ in range(_MAX_LAYERS):
        body = _by_content(body)
    return body


def _by_content(body: bytes) -> bytes:
    if body.startswith(GZIP):
        return _of_gzip(body)
    return _of_zstandard(body) if body.startswith(ZSTD) else body


def _of_gzip(body: bytes) -> bytes:
    content = b""
    while body.startswith(GZIP):  # members follow each other
        try:
            more, body = _inflated(body, 16 + zlib.MAX_WBITS, MAX_BYTES - len(content))
        except zlib.error as error:
            raise Unreadable("payload", f"cannot be unpacked: {error}") from None
        content += more
    return content


def _of_deflate(body: bytes) -> bytes:
    # The name means zlib, but some senders send the bare stream, and some none at all.
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            return _inflated(body, window_bits, MAX_BYTES)[0]
        except zlib.error:
            continue
    return body


def _inflated(body: bytes, window_bits: int, limit: int) -> tuple[bytes, bytes]:
    """The content, and what follows it."""
    unpacking = zlib.decompressobj(window_bits)
    content = unpacking.decompress(body, limit + 1)
    if len(content) > limit:
        raise _too_much()
    if not unpacking.eof:
        raise zlib.error("it ends before its content does")
    return content, unpacking.unused_data


def _of_zstandard(body: bytes) -> bytes:
    content = bytearray()
    unpacking = zstandard.ZstdDecompressor(max_window_size=MAX_BYTES).decompressobj()
    try:
        for first in range(0, len(body), _PIECE):
            content += unpacking.decompress(body[first : first + _PIECE])
            if len(content) > MAX_BYTES:
                raise _too_much()
            if unpacking.eof:
                break
    except zstandard.ZstdError as error:
        raise Unreadable("payload", f"cannot be unpacked: {error}") from None
    if not unpacking.eof:
        raise Unreadable("payload", "cannot be unpacked: it ends before its content does")
    return bytes(content)


def _too_much() -> Unreadable:
    return Unreadable("payload", f"unpacks to more than {MAX_BYTES} bytes")
