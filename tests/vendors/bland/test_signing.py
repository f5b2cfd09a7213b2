"""Bland's signature: over the raw body or over its JSON without spaces."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from tests.vendors.signatures import is_taken, with_one_byte_changed, with_one_character_changed

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BODY = '{"call_id":"c-1","to":"+13105550188","summary":"Où ça?","price":0.068}'.encode()
SPACED = b'{"call_id": "c-1", "to": "+13105550188",\n "summary": "O\\u00f9 \\u00e7a?", "price": 0.068}'
SECRET = "bland-test-secret"
SIGNATURE = "e5803f46026620c0deb7ba92870b344e80fc319122e50a07722bec344881e936"


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def taken(body: bytes, signature: str) -> bool:
    return is_taken("bland", body, {"x-webhook-signature": signature}, NOW, secret=SECRET)


@pytest.mark.claim("bland:signature")
def test_a_signature_over_the_raw_body_is_taken() -> None:
    assert signed(BODY) == SIGNATURE
    assert taken(BODY, SIGNATURE)
    assert taken(SPACED, signed(SPACED))
    assert taken(b"not JSON", signed(b"not JSON"))


@pytest.mark.claim("bland:signature.compact")
def test_a_signature_over_the_json_without_spaces_is_taken() -> None:
    assert taken(SPACED, SIGNATURE)


def test_any_changed_byte_is_refused() -> None:
    assert [body for body in with_one_byte_changed(BODY) if taken(body, SIGNATURE)] == []
    assert [text for text in with_one_character_changed(SIGNATURE) if taken(BODY, text)] == []


def test_a_wrong_secret_and_a_missing_signature_are_refused() -> None:
    assert not taken(BODY, signed(BODY, "guess"))
    assert not taken(BODY, "")
    assert not taken(BODY, SIGNATURE.upper())
    assert not taken(b"[" * 100_000, SIGNATURE)
