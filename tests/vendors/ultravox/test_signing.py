"""Ultravox's signature: any one of a list, over body and time, within a minute."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from tests.vendors.signatures import is_accepted, with_one_byte_changed, with_one_character_changed

NOW = datetime(2026, 3, 2, 9, 16, 51, tzinfo=UTC)
STAMP = "2026-03-02T09:16:50.750000Z"
BODY = b'{"event":"call.ended","call":{"callId":"7c9e6679-7425-40de-944b-e07fc1f90ae7"}}'
SECRET = "ultravox-test-secret"
SIGNATURE = "abeb12fd1ab1ea43ba9bf801c47cebd111463cbc61740facb74c07ca040871bc"


def signed(body: bytes, stamp: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()


def is_accepted_here(signature: str, *, body: bytes = BODY, stamp: str = STAMP, now: datetime = NOW) -> bool:
    headers = {"x-ultravox-webhook-signature": signature, "x-ultravox-webhook-timestamp": stamp}
    return is_accepted("ultravox", body, headers, now, secret=SECRET)


@pytest.mark.claim("ultravox:signature")
def test_a_signature_over_body_and_time_is_accepted() -> None:
    assert signed(BODY, STAMP) == SIGNATURE
    assert is_accepted_here(SIGNATURE)


@pytest.mark.claim("ultravox:signature.list")
def test_any_one_of_a_list_of_signatures_may_match() -> None:
    other = signed(BODY, STAMP, "a secret of before")
    assert is_accepted_here(f"{other}, {SIGNATURE}")
    assert is_accepted_here(f"{SIGNATURE},{other}")
    assert not is_accepted_here(f"{other},{other}")


@pytest.mark.claim("ultravox:signature.window")
@pytest.mark.parametrize(("late", "is_in_time"), [(-61, False), (-59, True), (59, True), (61, False)])
def test_a_webhook_is_accepted_for_a_minute(late: int, is_in_time: bool) -> None:
    sent_at = datetime(2026, 3, 2, 9, 16, 50, 750_000, tzinfo=UTC)
    assert is_accepted_here(SIGNATURE, now=sent_at + timedelta(seconds=late)) is is_in_time


def test_any_changed_byte_is_refused() -> None:
    assert [body for body in with_one_byte_changed(BODY) if is_accepted_here(SIGNATURE, body=body)] == []
    assert [text for text in with_one_character_changed(SIGNATURE) if is_accepted_here(text)] == []
    assert [
        stamp for stamp in with_one_character_changed(STAMP) if is_accepted_here(SIGNATURE, stamp=stamp)
    ] == []


@pytest.mark.parametrize("stamp", ["", "now", "1772442900"])
def test_a_time_of_another_form_is_refused(stamp: str) -> None:
    assert not is_accepted_here(signed(BODY, stamp), stamp=stamp)


def test_a_wrong_secret_and_a_missing_signature_are_refused() -> None:
    assert not is_accepted_here(signed(BODY, STAMP, "guess"))
    assert not is_accepted_here("")
    assert not is_accepted_here(SIGNATURE.upper())
