"""How Callem signs, written from its pages."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "whsec_4f6c1d2e"
FIVE_MINUTES = Window(past=timedelta(minutes=5), future=timedelta(minutes=5))
BODY = b'{"event":"call_started","timestamp":"2026-03-02T12:00:00Z","call":{"id":"6789abcdef0123456789abcd"}}'


def _signed(body: bytes, stamp: str, secret: str) -> Delivery:
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Delivery(body=body, headers={"x-callem-signature": digest, "x-callem-timestamp": stamp})


def in_seconds(body: bytes, at: datetime, secret: str) -> Delivery:
    return _signed(body, str(int(at.timestamp())), secret)


def in_milliseconds(body: bytes, at: datetime, secret: str) -> Delivery:
    return _signed(body, str(int(at.timestamp() * 1000)), secret)


WAYS = {"seconds": Way(in_seconds, FIVE_MINUTES), "milliseconds": Way(in_milliseconds, FIVE_MINUTES)}
