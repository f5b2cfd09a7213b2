"""Twilio: callbacks about the status and the recording of a call, as forms, in no guaranteed order.

Callbacks come by POST, or by GET where the account has it so; then the address alone is signed.

Sources: docs.twilio.com for status callbacks, recording callbacks and request signatures; the published
examples of the REST API; the vendor's own request validator, which signs and checks as this door does.

Events: status and recording callbacks, and of the REST API a call or a recording.

Not carried: turns, agent and analysis, which a carrier does not have.

Our choice: an empty field of a form counts as absent. A callback is true as of its `Timestamp`, which has
whole seconds, plus a millisecond for each `SequenceNumber`, so that callbacks of one second keep their order.
A callback has neither creation nor start nor end: creation is the earliest callback, the start that of
`in-progress`, the end that of a final status, and all are marked as derived. `CallDuration` is the length;
`Duration` is what was billed, in minutes, and is stored as a field of the vendor. The vendor prints prices
below zero; a cost is positive.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from msgspec import UNSET, Struct

from trunkline.kit.auth import Headers
from trunkline.kit.door import FORM, Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import Delivery, InvalidSignature
from trunkline.kit.wire import later
from trunkline.model.call import Recording, Telephony
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Status
from trunkline.vendors.twilio.parse import from_wire, read_words, store_rest
from trunkline.vendors.twilio.words import ENDED, NAME, READ_IN_CALLBACK, RECORDED, STORED_OF_CALLBACK

# -- callbacks ------------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a status callback or a recording callback; raises `Unreadable`."""
    wire = Payload({name: value for name, value in Payload.of(document).raw.items() if value != ""})
    status, recording = or_none(wire.text("CallStatus")), or_none(wire.text("RecordingStatus"))
    event = status or (f"recording-{recording}" if recording else "")
    if not or_none(wire.text("CallSid")):
        return ParsedDelivery(event=event, note="a callback without a CallSid is not about a call")
    unknown: list[str] = []
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("CallSid"),
        from_number=wire.text("From"),
        to_number=wire.text("To"),
        duration_ms=wire.seconds("CallDuration"),
        telephony=Telephony(
            sid=or_none(wire.text("CallSid")), conference_sid=or_none(wire.text("ConferenceSid"))
        ),
        channel=Channel.PHONE,
        problems=wire.problems,
    )
    read_words(wire, sighting, unknown, names=("CallStatus", "Direction", "AnsweredBy", "CallerName"))
    _read_recording(wire, sighting, unknown)
    _date_callback(wire, sighting)
    store_rest(wire, sighting, unknown, READ_IN_CALLBACK, STORED_OF_CALLBACK)
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown)


def _read_recording(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    status, url = or_none(wire.text("RecordingStatus")), or_none(wire.text("RecordingUrl"))
    if not status and not url:
        return
    recorded = RECORDED.get(status) if status else True
    if status and status not in RECORDED:
        unknown.append(f"RecordingStatus={status}")
    sighting.recording = Recording(enabled=recorded, url=url or None)


def _date_callback(wire: Payload, sighting: Sighting) -> None:
    """Set when a callback's facts were true, and the fields that follow from that."""
    at = or_none(wire.rfc_2822("Timestamp"))
    recorded_at = or_none(wire.rfc_2822("RecordingStartTime"))
    derived = list(sighting.derived or ())
    if at is not None:
        number = or_none(wire.count("SequenceNumber")) or 0
        sighting.as_of = later(at, min(number, 999)) or at
        if sighting.status is Status.IN_PROGRESS:
            sighting.started_at = at
            derived.append("started_at")
        elif sighting.status in ENDED:
            sighting.ended_at = at
            derived.append("ended_at")
    elif recorded_at is not None:
        length_ms = or_none(wire.seconds("RecordingDuration")) or 0
        sighting.as_of = later(recorded_at, length_ms) or recorded_at
    first_reported_at = at or recorded_at
    if first_reported_at is not None:
        sighting.created_at = first_reported_at
        derived.append("created_at")
    sighting.derived = derived or UNSET


# -- the signature: over the address and the form, or the address with the body's hash ---

ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
PORTS = {"https": 443, "http": 80}


class FormSigned(Struct, frozen=True, kw_only=True):
    """A keyed hash, in base64, over the address and each field's name and value, in the order of names.

    A body that is no form is signed through the query's `bodySHA256`; one that is covered by neither is
    refused, since anybody could have put it there. The algorithm is SHA-1 unless a header of the vendor's
    names SHA-256. The address is tried with and without its port, because the vendor is not sure of it.
    """

    secret_is: str

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        if not headers.get("x-twilio-signature"):
            raise InvalidSignature("the header x-twilio-signature is missing")
        _algorithm(headers)

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`; a delivery does not contain when it was signed."""
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
            raise InvalidSignature("the signature does not match")


def _algorithm(headers: Headers) -> str:
    settings = headers.get("x-twilio-webhooks-signature-settings", "")
    pairs = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    name = pairs.get("algorithm") or "HMAC_SHA1"
    if name.upper() not in ALGORITHMS:
        raise InvalidSignature("the signature's algorithm is not known")
    return ALGORITHMS[name.upper()]


def _signed_fields(delivery: Delivery) -> str:
    content_type = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    hashes = parse_qs(urlsplit(delivery.url).query).get("bodySHA256")
    if content_type != FORM and hashes is not None:
        if not hmac.compare_digest(hashlib.sha256(delivery.body).hexdigest().encode(), hashes[0].encode()):
            raise InvalidSignature("the body is not the one that was signed")
        return ""
    if content_type != FORM and delivery.body:
        raise InvalidSignature("the signature does not cover the body")
    try:
        pairs = parse_qsl(
            delivery.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000
        )
    except ValueError:
        raise InvalidSignature("the body is not a form") from None
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


DOOR = Door(
    name=NAME,
    title="Twilio",
    about=__doc__ or "",
    signature=FormSigned(secret_is="the account's auth token"),  # noqa: S106 - what it is called
    parse_delivery=read,
    from_wire=from_wire,
    by_get=True,
)
