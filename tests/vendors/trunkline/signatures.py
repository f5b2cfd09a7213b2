"""How Standard Webhooks signs, by the standard's own kit."""

from __future__ import annotations

from datetime import datetime, timedelta

from standardwebhooks import Webhook

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery, Window

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"vendor": "elsewhere", "vendor_call_id": "c-1"}'
WINDOW = Window(past=timedelta(minutes=5), future=timedelta(minutes=5))


def signed(body: bytes, at: datetime, secret: str) -> Delivery:
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(int(at.timestamp()))}
    signature = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    return Delivery(body=body, headers={**headers, "webhook-signature": signature})


WAYS = {"v1": Way(signed, WINDOW)}
