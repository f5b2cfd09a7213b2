"""How ElevenLabs signs, written from its pages."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "wsec_of_a_test"
BODY = b'{"type":"post_call_audio","event_timestamp":1739537297,"data":{"conversation_id":"conv_01"}}'
WINDOW = Window(past=timedelta(minutes=30), future=timedelta(minutes=5))


def signed(body: bytes, at: datetime, secret: str) -> Delivery:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Delivery(body=body, headers={"elevenlabs-signature": f"t={stamp},v0={digest}"})


WAYS = {"v0": Way(signed, WINDOW)}
