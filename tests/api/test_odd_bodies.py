"""Bodies of webhooks that are not quite what they should be, over real HTTP: read as they are meant."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard

from tests.api.test_hooks import CALL, ENDED, SECRET, source_in, stored_payloads, unread_payloads
from tests.conftest import World

BODY = json.dumps(ENDED).encode()
FORM = "application/x-www-form-urlencoded"


def sent(world: World, body: bytes, **headers: str) -> dict[str, Any]:
    """The answer to a delivery that is signed over the bytes as they are sent."""
    source = source_in(world)
    stamp = str(int(datetime.now(UTC).timestamp()))
    digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    signed = {"x-callem-timestamp": stamp, "x-callem-signature": digest, **headers}
    answer = world.request("POST", f"/hooks/{source.address}", content=body, headers=signed)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def bare_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKED: dict[str, tuple[Callable[[bytes], bytes], dict[str, str]]] = {
    "gzip": (gzip.compress, {"content-encoding": "gzip"}),
    "gzip without its header": (gzip.compress, {}),
    "deflate": (zlib.compress, {"content-encoding": "deflate"}),
    "bare deflate": (bare_deflate, {"content-encoding": "deflate"}),
    "Zstandard": (zstandard.compress, {"content-encoding": "zstd"}),
    "a header that is wrong": (bytes, {"content-encoding": "gzip"}),
}


@pytest.mark.parametrize(("pack", "headers"), PACKED.values(), ids=PACKED)
def test_a_compressed_body_is_unpacked_after_its_signature_was_checked(
    world: World, pack: Callable[[bytes], bytes], headers: dict[str, str]
) -> None:
    told = sent(world, pack(BODY), **{"content-type": "application/json", **headers})
    assert told == {"received": True, "event": "call_ended", "calls": 1}
    assert [row["payload"] for row in stored_payloads(world)] == [BODY]
    assert world.get("callem", f"/v1/calls/{CALL['id']}").json()["duration"] == 120.5


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(bytes(200_000_000), 1), {"content-encoding": "gzip"}),
        (BODY, {"content-encoding": "br"}),
        (gzip.compress(BODY)[:-4], {}),
    ],
    ids=["too much", "an unknown way", "cut off"],
)
def test_what_cannot_be_unpacked_is_stored_as_it_came_with_the_reason(
    world: World, body: bytes, headers: dict[str, str]
) -> None:
    told = sent(world, body, **headers)
    assert told["note"].startswith("payload: ")
    assert [(row["payload"], row["reason"]) for row in unread_payloads(world)] == [(body, told["note"])]


MEANT: dict[str, tuple[bytes, dict[str, str], str | None]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + BODY, {"content-type": "application/json"}, "encoding"),
    "UTF-16": (BODY.decode().encode("utf-16"), {"content-type": "application/json"}, "encoding"),
    "no content type": (BODY, {}, None),
    "another content type": (BODY, {"content-type": "text/plain"}, None),
    "JSON called a form": (BODY, {"content-type": FORM}, None),
    "marked JSON called a form": (b"\xef\xbb\xbf" + BODY, {"content-type": FORM}, "encoding"),
    "JSON in a form's field": (
        urlencode({"payload": BODY.decode()}).encode(),
        {"content-type": FORM},
        "form",
    ),
    "white space around": (b"\r\n\t " + BODY + b"\n", {"content-type": "application/json"}, None),
}


@pytest.mark.parametrize(("body", "headers", "named"), MEANT.values(), ids=MEANT)
def test_a_body_is_read_as_it_is_meant_and_what_was_put_right_is_named(
    world: World, body: bytes, headers: dict[str, str], named: str | None
) -> None:
    told = sent(world, body, **headers)
    assert (told["event"], told["calls"]) == ("call_ended", 1)
    (row,) = stored_payloads(world)
    assert row["payload"] == body
    problems = None if row["problems"] is None else list(json.loads(row["problems"]))
    assert problems == (None if named is None else [f"payload ({named})"])
    assert ("note" in told) == (named is not None)
    assert world.get("callem", f"/v1/calls/{CALL['id']}").json()["duration"] == 120.5


@pytest.mark.parametrize(
    ("odd", "path"),
    [
        (b'"\\ud83d"', "payload (characters)"),
        (b"NaN", "payload (numbers)"),
        (b"-Infinity", "payload (numbers)"),
        (b'"\xe9"', "payload (encoding)"),
        (b"[" * 9000 + b"]" * 9000, "payload (depth)"),
    ],
    ids=["half a pair", "NaN", "Infinity", "Latin-1", "deep"],
)
def test_what_is_not_json_in_one_value_costs_no_call(world: World, odd: bytes, path: str) -> None:
    body = json.dumps({**ENDED, "call": {**ENDED["call"], "mood": "VALUE"}}).encode()  # type: ignore[dict-item]
    told = sent(world, body.replace(b'"VALUE"', odd))
    assert told["calls"] == 1
    (row,) = stored_payloads(world)
    assert list(json.loads(row["problems"])) == [path]
    assert world.get("callem", f"/v1/calls/{CALL['id']}").json()["duration"] == 120.5


def test_a_form_that_is_no_utf_8_is_read_for_our_own_form(world: World) -> None:
    source = source_in(world, "butter")
    fields = b"CallSid=call_form_0001&CallStatus=completed&CallerName=Ren%E9&From=%2B12025550123"
    answer = world.request("POST", f"/hooks/{source.address}", content=fields, headers={"content-type": FORM})
    assert answer.json()["calls"] == 1, answer.text
    assert [list(json.loads(row["problems"])) for row in stored_payloads(world)] == [["payload (encoding)"]]
