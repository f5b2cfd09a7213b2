"""Vapi's ways to show whose a message is: bearer token, server secret, or an HMAC signature."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from tests.vendors.signatures import is_accepted, with_one_byte_changed, with_one_character_changed

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
SECONDS, MILLISECONDS = "1772442900", "1772442900000"
BODY = b'{"message":{"type":"hang","call":{"id":"73a6da0f-c455-4bb6-bf4a-5f0634871430"}}}'
SECRET = "vapi-test-secret"
SIGNATURE = "14abf821f80f2e94e531f8477cfa01efaa68c512d309f2b885edd9df3fa9caf0"
STAMPED = "7f1c412e55e95a2e65e4b2a601822c090194c393aa4ecd10bbb8a0e4fee12101"


def signed(message: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_accepted_here(headers: dict[str, str], *, body: bytes = BODY, now: datetime = NOW) -> bool:
    return is_accepted("vapi", body, headers, now, secret=SECRET)


@pytest.mark.claim("vapi:signature.bearer")
def test_a_bearer_token_is_accepted() -> None:
    assert is_accepted_here({"authorization": f"Bearer {SECRET}"})
    assert not is_accepted_here({"authorization": SECRET})
    assert not is_accepted_here({"authorization": f"Basic {SECRET}"})


@pytest.mark.claim("vapi:signature.secret")
def test_a_server_secret_is_accepted() -> None:
    assert is_accepted_here({"x-vapi-secret": SECRET})


@pytest.mark.parametrize("header", ["authorization", "x-vapi-secret"])
def test_any_changed_character_of_a_secret_is_refused(header: str) -> None:
    prefix = "Bearer " if header == "authorization" else ""
    for changed in with_one_character_changed(SECRET):
        assert not is_accepted_here({header: prefix + changed})
    assert not is_accepted_here({header: prefix})
    assert not is_accepted_here({header: f"{prefix}é"})


@pytest.mark.claim("vapi:signature.hmac")
def test_a_signature_over_the_body_alone_or_with_a_time_is_accepted() -> None:
    assert signed(BODY) == SIGNATURE
    assert signed(SECONDS.encode() + b"." + BODY) == STAMPED
    assert is_accepted_here({"x-signature": SIGNATURE})
    assert is_accepted_here({"x-signature": STAMPED, "x-timestamp": SECONDS})
    in_ms = signed(MILLISECONDS.encode() + b"." + BODY)
    assert is_accepted_here({"x-signature": in_ms, "x-timestamp": MILLISECONDS})


def test_any_changed_byte_of_a_signed_message_is_refused() -> None:
    for body in with_one_byte_changed(BODY):
        assert not is_accepted_here({"x-signature": SIGNATURE}, body=body)
        assert not is_accepted_here({"x-signature": STAMPED, "x-timestamp": SECONDS}, body=body)
    for text in with_one_character_changed(STAMPED):
        assert not is_accepted_here({"x-signature": text, "x-timestamp": SECONDS})
    for text in with_one_character_changed(SECONDS):
        assert not is_accepted_here({"x-signature": STAMPED, "x-timestamp": text})


@pytest.mark.claim("vapi:signature.window")
@pytest.mark.parametrize(("late", "is_in_time"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_a_signed_time_may_lie_five_minutes_away(late: int, is_in_time: bool) -> None:
    headers = {"x-signature": STAMPED, "x-timestamp": SECONDS}
    assert is_accepted_here(headers, now=NOW + timedelta(seconds=late)) is is_in_time


def test_a_message_that_shows_nothing_and_one_of_another_secret_are_refused() -> None:
    assert not is_accepted_here({})
    assert not is_accepted_here({"x-signature": signed(BODY, "guess")})
    assert not is_accepted_here({"x-signature": STAMPED})
    assert not is_accepted_here({"x-signature": STAMPED, "x-timestamp": "soon"})
