"""How Twilio signs, written from its pages: the address with the form's fields, or with the body's hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import parse_qsl

from tests.vendors.signatures import Way
from trunkline.kit.signatures import Delivery

SECRET = "12345"
BODY = b"CallSid=CA1234567890ABCDE&CallStatus=ringing&From=%2B14158675310&To=%2B18005551212"
URL = "https://example.com/hooks/abc?foo=1"


def form(body: bytes, _: datetime, secret: str) -> Delivery:
    fields = "".join(name + value for name, value in sorted(parse_qsl(body.decode(), keep_blank_values=True)))
    return _delivery(body, URL, fields, "application/x-www-form-urlencoded", secret)


def json_body(body: bytes, _: datetime, secret: str) -> Delivery:
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    return _delivery(body, url, "", "application/json", secret)


def _delivery(body: bytes, url: str, fields: str, content_type: str, secret: str) -> Delivery:
    digest = hmac.new(secret.encode(), (url + fields).encode(), hashlib.sha1).digest()
    headers = {"content-type": content_type, "x-twilio-signature": base64.b64encode(digest).decode()}
    return Delivery(body=body, headers=headers, url=url)


WAYS = {"form": Way(form, None, reads_document=True), "json": Way(json_body, None)}
