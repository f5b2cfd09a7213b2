"""How Retell signs, written from its pages."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "test-api-key"
BODY = b'{"event":"call_ended","call":{"call_id":"call_1"}}'
WINDOW = Window(past=timedelta(minutes=5), future=timedelta(minutes=5))


def signed(body: bytes, at: datetime, secret: str) -> Delivery:
    stamp = str(int(at.timestamp() * 1000))
    digest = hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return Delivery(body=body, headers={"x-retell-signature": f"v={stamp},d={digest}"})


WAYS = {"digest": Way(signed, WINDOW)}
