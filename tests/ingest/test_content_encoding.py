"""Compressed bodies: unpacked by what they are, whatever the header says, and never beyond a bound."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.ingest.content_encoding import MAX_BYTES, content_of
from trunkline.kit.payload import Unreadable

BODY = b'{"event": "call_ended", "call": {"id": "c-1"}}'


def bare_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


WAYS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, "gzip"),
    "gzip in capitals": (gzip.compress, " X-GZIP "),
    "gzip of which no header speaks": (gzip.compress, ""),
    "gzip called zstd": (gzip.compress, "zstd"),
    "deflate": (zlib.compress, "deflate"),
    "deflate without its frame": (bare_deflate, "deflate"),
    "Zstandard": (zstandard.compress, "zstd"),
    "Zstandard of which no header speaks": (zstandard.compress, "identity"),
    "gzip in two members": (lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]), "gzip"),
    "two ways": (lambda body: gzip.compress(zlib.compress(body)), "deflate, gzip"),
}


@pytest.mark.parametrize(("pack", "header"), WAYS.values(), ids=WAYS)
def test_a_body_is_unpacked(pack: Callable[[bytes], bytes], header: str) -> None:
    assert content_of(pack(BODY), header) == BODY


@pytest.mark.parametrize("header", ["", "identity", "gzip", "deflate", "zstd", "gzip, deflate"])
def test_what_is_not_compressed_stays_as_it_is(header: str) -> None:
    assert content_of(BODY, header) == BODY


@pytest.mark.parametrize("header", ["br", "gzip, br", "gzip, gzip, gzip, gzip"])
def test_an_unknown_way_is_refused_with_a_sentence(header: str) -> None:
    with pytest.raises(Unreadable, match="payload: is compressed "):
        content_of(BODY, header)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "Zstandard"])
def test_what_is_cut_off_is_refused(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Unreadable, match="payload: "):
        content_of(pack(BODY * 500)[:-9], "gzip")


@pytest.mark.parametrize(
    ("pack", "header"),
    [
        (gzip.compress, "gzip"),
        (zlib.compress, "deflate"),
        (bare_deflate, "deflate"),
        (zstandard.compress, ""),
    ],
    ids=["gzip", "deflate", "bare deflate", "Zstandard"],
)
def test_a_small_body_that_unpacks_to_too_much_is_refused_within_the_bound(
    pack: Callable[[bytes], bytes], header: str
) -> None:
    bomb = pack(bytes(3 * MAX_BYTES))
    assert len(bomb) < MAX_BYTES / 100
    tracemalloc.start()
    with pytest.raises(Unreadable, match=f"unpacks to more than {MAX_BYTES} bytes"):
        content_of(bomb, header)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * MAX_BYTES


@given(
    body=st.binary(max_size=80) | st.binary(max_size=40).map(gzip.compress),
    cut=st.integers(0, 60),
    header=st.sampled_from(["", "gzip", "deflate", "zstd", "deflate, gzip"]),
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_unpacked_or_unreadable(body: bytes, cut: int, header: str) -> None:
    with suppress(Unreadable):
        content_of(body[: len(body) - cut], header)
