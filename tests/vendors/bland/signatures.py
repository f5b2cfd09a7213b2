"""How Bland signs, written from its pages: over the body, or over its JSON without spaces."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery

SECRET = "bland-test-secret"
BODY = b'{"call_id": "c-1", "to": "+13105550188",\n "summary": "Moved to Thursday.", "price": 0.068}'


def _delivery(body: bytes, signed: bytes, secret: str) -> Delivery:
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return Delivery(body=body, headers={"x-webhook-signature": digest})


def over_the_body(body: bytes, _: datetime, secret: str) -> Delivery:
    return _delivery(body, body, secret)


def without_spaces(body: bytes, _: datetime, secret: str) -> Delivery:
    return _delivery(body, json.dumps(json.loads(body), separators=(",", ":")).encode(), secret)


WAYS = {"body": Way(over_the_body, None), "compact": Way(without_spaces, None, reads_document=True)}
