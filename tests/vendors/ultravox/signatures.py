"""How Ultravox signs, written from its pages: any one of a list, over body and time."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "ultravox-test-secret"
BODY = b'{"event":"call.ended","call":{"callId":"7c9e6679-7425-40de-944b-e07fc1f90ae7"}}'
WINDOW = Window(past=timedelta(minutes=1), future=timedelta(minutes=1))


def _digest(body: bytes, stamp: str, secret: str) -> str:
    return hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()


def signed(body: bytes, at: datetime, secret: str) -> Delivery:
    stamp = at.isoformat()
    return Delivery(
        body=body,
        headers={
            "x-ultravox-webhook-signature": _digest(body, stamp, secret),
            "x-ultravox-webhook-timestamp": stamp,
        },
    )


WAYS = {"digest": Way(signed, WINDOW)}
