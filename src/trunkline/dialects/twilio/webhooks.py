"""Twilio's signature: over the address and the form's fields, or the address with the body's hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from msgspec import Struct

from trunkline.kit.auth import Headers
from trunkline.kit.door import FORM
from trunkline.kit.signatures import Delivery, NotGenuine

ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
PORTS = {"https": 443, "http": 80}


class FormSigned(Struct, frozen=True, kw_only=True):
    """A keyed hash, in base64, over the address and each field's name and value, in the order of names.

    A body that is no form is signed through the query's `bodySHA256`; one that is covered by neither is
    refused, since anybody could have put it there. The algorithm is SHA-1 unless a header of the vendor's
    names SHA-256. The address is tried with and without its port, because the vendor is not sure of it.
    """

    secret_is: str

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `Signing`; nothing in a delivery tells when it was signed."""
        given = delivery.headers.get("x-twilio-signature", "").encode()
        algorithm = _algorithm(delivery.headers)
        fields = _signed_fields(delivery)
        matches = [
            hmac.compare_digest(
                base64.b64encode(hmac.digest(secret.encode(), (url + fields).encode(), algorithm)), given
            )
            for secret in secrets
            for url in _spellings(delivery.url)
        ]
        if not any(matches):
            raise NotGenuine("the signature does not match")


def _algorithm(headers: Headers) -> str:
    settings = headers.get("x-twilio-webhooks-signature-settings", "")
    pairs = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    name = pairs.get("algorithm") or "HMAC_SHA1"
    if name.upper() not in ALGORITHMS:
        raise NotGenuine("the signature's algorithm is not known")
    return ALGORITHMS[name.upper()]


def _signed_fields(delivery: Delivery) -> str:
    content_type = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    hashes = parse_qs(urlsplit(delivery.url).query).get("bodySHA256")
    if content_type != FORM and hashes is not None:
        if not hmac.compare_digest(hashlib.sha256(delivery.body).hexdigest().encode(), hashes[0].encode()):
            raise NotGenuine("the body is not the one that was signed")
        return ""
    if content_type != FORM and delivery.body:
        raise NotGenuine("the signature does not cover the body")
    try:
        pairs = parse_qsl(
            delivery.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000
        )
    except ValueError:
        raise NotGenuine("the body is not a form") from None
    return "".join(name + value for name, value in sorted(set(pairs)))


def _spellings(url: str) -> Iterator[str]:
    """The address as it came, without its port, and with the port that its scheme implies."""
    yield url
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return
    if port is not None:
        yield _with_netloc(split, split.netloc.removesuffix(f":{port}"))
    elif split.scheme in PORTS:
        yield _with_netloc(split, f"{split.netloc}:{PORTS[split.scheme]}")


def _with_netloc(split: SplitResult, netloc: str) -> str:
    return split._replace(netloc=netloc).geturl()
