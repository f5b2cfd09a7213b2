"""Deliveries in our own form that are signed according to Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from tests.vendors.signatures import mutations, refuses
from trunkline.kit.signatures import Delivery
from trunkline.vendors.trunkline.webhooks import DOOR

# The key of the specification's own example: 24 bytes in base64.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"vendor": "elsewhere", "vendor_call_id": "c-1"}'
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(int(AT.timestamp())),
    "webhook-signature": Webhook(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY.decode()),
}


def delivery(body: bytes = BODY, other: Mapping[str, str] = SIGNED) -> Delivery:
    return Delivery(body=body, headers={**SIGNED, **other})


def test_what_the_standards_own_kit_signs_is_accepted() -> None:
    assert not refuses(DOOR.signature, delivery(), [SECRET], AT)
    assert not refuses(DOOR.signature, delivery(), ["whsec_b3RoZXI=", SECRET], AT)


def test_the_specifications_own_vector_is_accepted() -> None:
    vector = Delivery(
        body=b'{"test": 2432232314}',
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
    )
    assert not refuses(DOOR.signature, vector, [SECRET], datetime.fromtimestamp(1614265330, UTC))


def test_one_of_several_signatures_is_enough() -> None:
    several = f"v1a,aGVsbG8= v1,aGVsbG8= {SIGNED['webhook-signature']}"
    assert not refuses(DOOR.signature, delivery(other={"webhook-signature": several}), [SECRET], AT)
    asymmetric = SIGNED["webhook-signature"].replace("v1,", "v1a,")
    assert refuses(DOOR.signature, delivery(other={"webhook-signature": asymmetric}), [SECRET], AT)


def test_a_body_that_differs_in_any_byte_is_refused() -> None:
    assert all(refuses(DOOR.signature, delivery(body), [SECRET], AT) for body in mutations(BODY))


@pytest.mark.parametrize("header", SIGNED)
def test_a_header_that_differs_in_any_byte_is_refused(header: str) -> None:
    damaged = [text.decode("latin-1") for text in mutations(SIGNED[header].encode())]
    taken = [
        text for text in damaged if not refuses(DOOR.signature, delivery(other={header: text}), [SECRET], AT)
    ]
    assert taken == []


@pytest.mark.parametrize("header", SIGNED)
def test_a_header_that_is_missing_is_refused(header: str) -> None:
    assert refuses(DOOR.signature, delivery(other={header: ""}), [SECRET], AT)


@pytest.mark.parametrize(("minutes", "refused"), [(-5, False), (5, False), (-5.01, True), (5.01, True)])
def test_a_signature_holds_for_five_minutes_either_way(minutes: float, refused: bool) -> None:
    assert refuses(DOOR.signature, delivery(), [SECRET], AT + timedelta(minutes=minutes)) is refused


def test_without_a_secret_the_address_is_enough() -> None:
    assert not refuses(DOOR.signature, Delivery(body=BODY, headers={}), [], AT)
    assert refuses(DOOR.signature, Delivery(body=BODY, headers={}), [SECRET], AT)
