"""Bland's signature: over the raw body or over its JSON without spaces."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from tests.vendors.signatures import is_accepted, with_one_byte_changed, with_one_character_changed

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BODY = '{"call_id":"c-1","to":"+13105550188","summary":"Où ça?","price":0.068}'.encode()
SPACED = b'{"call_id": "c-1", "to": "+13105550188",\n "summary": "O\\u00f9 \\u00e7a?", "price": 0.068}'
SECRET = "bland-test-secret"
SIGNATURE = "e5803f46026620c0deb7ba92870b344e80fc319122e50a07722bec344881e936"


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_accepted_here(body: bytes, signature: str) -> bool:
    return is_accepted("bland", body, {"x-webhook-signature": signature}, NOW, secret=SECRET)


@pytest.mark.claim("bland:signature")
def test_a_signature_over_the_raw_body_is_accepted() -> None:
    assert signed(BODY) == SIGNATURE
    assert is_accepted_here(BODY, SIGNATURE)
    assert is_accepted_here(SPACED, signed(SPACED))
    assert is_accepted_here(b"not JSON", signed(b"not JSON"))


@pytest.mark.claim("bland:signature.compact")
def test_a_signature_over_the_json_without_spaces_is_accepted() -> None:
    assert is_accepted_here(SPACED, SIGNATURE)


def test_any_changed_byte_is_refused() -> None:
    assert [body for body in with_one_byte_changed(BODY) if is_accepted_here(body, SIGNATURE)] == []
    assert [text for text in with_one_character_changed(SIGNATURE) if is_accepted_here(BODY, text)] == []


def test_a_wrong_secret_and_a_missing_signature_are_refused() -> None:
    assert not is_accepted_here(BODY, signed(BODY, "guess"))
    assert not is_accepted_here(BODY, "")
    assert not is_accepted_here(BODY, SIGNATURE.upper())
    assert not is_accepted_here(b"[" * 100_000, SIGNATURE)
