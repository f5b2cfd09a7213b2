"""How Vapi shows whose a message is, written from its pages: a token, a secret, or a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "vapi-test-secret"
BODY = b'{"message":{"type":"hang","call":{"id":"73a6da0f-c455-4bb6-bf4a-5f0634871430"}}}'
WINDOW = Window(past=timedelta(minutes=5), future=timedelta(minutes=5))


def bearer(body: bytes, _: datetime, secret: str) -> Delivery:
    return Delivery(body=body, headers={"authorization": f"Bearer {secret}"})


def server_secret(body: bytes, _: datetime, secret: str) -> Delivery:
    return Delivery(body=body, headers={"x-vapi-secret": secret})


def over_the_body(body: bytes, _: datetime, secret: str) -> Delivery:
    return Delivery(body=body, headers={"x-signature": _digest(body, secret)})


def with_seconds(body: bytes, at: datetime, secret: str) -> Delivery:
    return _stamped(body, str(int(at.timestamp())), secret)


def with_milliseconds(body: bytes, at: datetime, secret: str) -> Delivery:
    return _stamped(body, str(int(at.timestamp() * 1000)), secret)


def _stamped(body: bytes, stamp: str, secret: str) -> Delivery:
    digest = _digest(f"{stamp}.".encode() + body, secret)
    return Delivery(body=body, headers={"x-signature": digest, "x-timestamp": stamp})


def _digest(signed: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


WAYS = {
    "bearer": Way(bearer, None, covers_body=False),
    "secret": Way(server_secret, None, covers_body=False),
    "body": Way(over_the_body, None),
    "seconds": Way(with_seconds, WINDOW),
    "milliseconds": Way(with_milliseconds, WINDOW),
}
