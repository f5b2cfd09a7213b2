"""ElevenLabs' signature: the vendor's own verifier, and everything that is damaged."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.vendors.signatures import mutations, refuses
from trunkline.kit.signatures import Delivery
from trunkline.vendors.elevenlabs import DOOR

SECRET = "wsec_of_a_test"
BODY = json.dumps({"type": "post_call_audio", "event_timestamp": 1739537297, "data": {"n": "é"}}).encode()
AT = datetime(2025, 2, 14, 12, 48, 17, tzinfo=UTC)


def signature(at: datetime = AT, body: bytes = BODY) -> str:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v0={digest}"


def delivery(signed: str, body: bytes = BODY) -> Delivery:
    return Delivery(body=body, headers={"elevenlabs-signature": signed})


@pytest.mark.claim("elevenlabs:hook.signature")
def test_the_vendors_own_kit_takes_and_refuses_what_we_do() -> None:
    kit = pytest.importorskip("elevenlabs.webhooks_custom")
    client = kit.WebhooksClient.__new__(kit.WebhooksClient)  # its check needs no connection
    now = datetime.now(UTC)  # the kit reads the real clock
    signed = signature(now)
    assert client.construct_event(BODY.decode(), signed, SECRET) == json.loads(BODY)
    assert not refuses(DOOR.signature, delivery(signed), [SECRET], now)
    for bad, secret in (
        (signature(now - timedelta(minutes=31)), SECRET),
        (signed, "another"),
        ("t=1", SECRET),
    ):
        with pytest.raises(kit.BadRequestError):
            client.construct_event(BODY.decode(), bad, secret)
        assert refuses(DOOR.signature, delivery(bad), [secret], now)


@pytest.mark.claim("elevenlabs:hook.signature")
def test_any_of_the_secrets_may_have_signed() -> None:
    assert not refuses(DOOR.signature, delivery(signature()), ["a newer one", SECRET], AT)
    assert not refuses(DOOR.signature, delivery(f"{signature()},v1=another"), [SECRET], AT)


@pytest.mark.claim("elevenlabs:hook.signature")
def test_a_body_that_differs_in_any_byte_is_refused() -> None:
    signed = signature()
    assert all(refuses(DOOR.signature, delivery(signed, body), [SECRET], AT) for body in mutations(BODY))


@pytest.mark.claim("elevenlabs:hook.signature")
def test_a_header_that_differs_in_any_byte_is_refused() -> None:
    damaged = [text.decode("latin-1") for text in mutations(signature().encode())]
    assert [text for text in damaged if not refuses(DOOR.signature, delivery(text), [SECRET], AT)] == []


@pytest.mark.claim("elevenlabs:hook.signature")
def test_a_wrong_secret_no_secret_and_no_header_are_refused() -> None:
    assert refuses(DOOR.signature, delivery(signature()), ["wsec_of_a_tesu"], AT)
    assert refuses(DOOR.signature, delivery(signature()), [], AT)
    assert refuses(DOOR.signature, delivery(""), [SECRET], AT)
    assert refuses(DOOR.signature, Delivery(body=BODY, headers={}), [SECRET], AT)


@pytest.mark.claim("elevenlabs:hook.window", "elevenlabs:hook.window.future")
@pytest.mark.parametrize(("minutes", "refused"), [(30, False), (30.1, True), (-5, False), (-5.1, True)])
def test_a_signature_holds_for_thirty_minutes_and_five_ahead(minutes: float, refused: bool) -> None:
    now = AT + timedelta(minutes=minutes)
    assert refuses(DOOR.signature, delivery(signature()), [SECRET], now) is refused
