"""How Examplia signs, written from its pages and without the code that is tested."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "a secret of the tests"
BODY = b'{"event":"call.started","at":"2026-03-02T09:00:04Z","call":{"id":"1"}}'


def signed(body: bytes, at: datetime, secret: str) -> Delivery:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Delivery(body=body, headers={"x-examplia-signature": digest, "x-examplia-time": stamp})


# Every way in which the vendor signs; see `Way` for one that signs no time or not the body.
WAYS = {"seconds": Way(signed, Window(past=timedelta(minutes=5), future=timedelta(minutes=5)))}
