"""Vapi's three ways to show whose a message is, whichever a team has set."""

from __future__ import annotations

from datetime import datetime, timedelta

from trunkline.kit.signatures import (
    AnyOf,
    HmacSigned,
    SharedSecret,
    Window,
    epoch_milliseconds,
    epoch_seconds,
    one_header,
    two_headers,
)

FIVE_MINUTES = timedelta(minutes=5)

CREDENTIAL = "the server credential: bearer token, server secret or HMAC key"


def _instant(text: str) -> datetime:
    """Unix seconds or milliseconds, by the count of digits; raises `ValueError`."""
    return epoch_milliseconds(text) if len(text) >= 13 else epoch_seconds(text)


SIGNING = AnyOf(
    secret_is=CREDENTIAL,
    ways=(
        SharedSecret(secret_is=CREDENTIAL, header="authorization", prefix="Bearer "),
        SharedSecret(secret_is=CREDENTIAL, header="x-vapi-secret"),
        HmacSigned(secret_is=CREDENTIAL, shown=one_header("x-signature"), message=lambda body, _: body),
        HmacSigned(
            secret_is=CREDENTIAL,
            shown=two_headers("x-signature", "x-timestamp"),
            message=lambda body, stamp: stamp.encode() + b"." + body,
            instant=_instant,
            window=Window(past=FIVE_MINUTES, future=FIVE_MINUTES),
        ),
    ),
)
