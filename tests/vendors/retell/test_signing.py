"""Retell's signature: the published vector, the vendor's own verifier, and everything that is damaged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.vendors.signatures import mutations, refuses
from trunkline.kit.signatures import Delivery
from trunkline.vendors.retell import DOOR

BODY = b'{"event":"call_ended"}'
KEY = "test-api-key"
AT_MS = 1700000000000
AT = datetime.fromtimestamp(AT_MS / 1000, UTC)
DIGEST = "07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e"
SIGNATURE = f"v={AT_MS},d={DIGEST}"


def delivery(signature: str = SIGNATURE, body: bytes = BODY) -> Delivery:
    return Delivery(body=body, headers={"x-retell-signature": signature})


@pytest.mark.claim("retell:hook.signature")
def test_the_published_vector_passes() -> None:
    assert not refuses(DOOR.signature, delivery(), [KEY], AT)
    assert not refuses(DOOR.signature, delivery(), ["a newer key", KEY], AT)


@pytest.mark.claim("retell:hook.signature")
def test_the_vendors_own_kit_signs_what_passes_and_verifies_what_passes() -> None:
    kit = pytest.importorskip("retell.lib.webhook_auth").symmetric
    body = '{"event":"call_ended","call":{"call_id":"c\u00e9"}}'
    signed = kit["sign"](body, KEY, AT_MS)
    assert not refuses(DOOR.signature, delivery(signed, body.encode()), [KEY], AT)
    assert kit["verify"](BODY.decode(), KEY, SIGNATURE, {"timestamp": AT_MS})


@pytest.mark.claim("retell:hook.signature")
def test_a_body_that_differs_in_any_byte_is_refused() -> None:
    assert all(refuses(DOOR.signature, delivery(body=body), [KEY], AT) for body in mutations(BODY))


@pytest.mark.claim("retell:hook.signature")
def test_a_header_that_differs_in_any_byte_is_refused() -> None:
    damaged = [text.decode("latin-1") for text in mutations(SIGNATURE.encode())]
    assert [text for text in damaged if not refuses(DOOR.signature, delivery(text), [KEY], AT)] == []


@pytest.mark.claim("retell:hook.signature")
@pytest.mark.parametrize(
    "signature", ["", DIGEST, f"d={DIGEST}", f"v={AT_MS}", f"v={AT_MS},d={DIGEST.upper()}"]
)
def test_another_form_is_refused(signature: str) -> None:
    assert refuses(DOOR.signature, delivery(signature), [KEY], AT)


@pytest.mark.claim("retell:hook.signature")
def test_a_wrong_key_no_key_and_no_header_are_refused() -> None:
    assert refuses(DOOR.signature, delivery(), ["test-api-kez"], AT)
    assert refuses(DOOR.signature, delivery(), [], AT)
    assert refuses(DOOR.signature, Delivery(body=BODY, headers={}), [KEY], AT)


@pytest.mark.claim("retell:hook.window")
@pytest.mark.parametrize(("minutes", "refused"), [(-5, False), (5, False), (-5.01, True), (5.01, True)])
def test_a_signature_holds_for_five_minutes_either_way(minutes: float, refused: bool) -> None:
    assert refuses(DOOR.signature, delivery(), [KEY], AT + timedelta(minutes=minutes)) is refused
