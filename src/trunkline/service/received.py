"""The input of intake, and its results."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum

import msgspec
from msgspec import Struct

from trunkline.model.sighting import Sighting
from trunkline.store.calls.current import Key, PayloadKey

EVENT = "event"
"""The kind of payload that is one event of a live call."""

HOOK = "hook"
"""The kind of payload that a vendor delivered, as its webhooks are written."""

OWN = "change"
"""The kind of payload that is a call in our own form, of whatever vendor."""

STATEMENT = "statement"
"""The kind of payload that is an encoded sighting with its time: a change of an existing call."""

RECORDING = "recording"
"""The kind of payload by which Trunkline itself reports that a recording is stored."""

LINE = "line"
"""The kind of payload that is a line of a file in which no vendor was recognised; it is of no call."""


class Provenance(Struct, frozen=True, kw_only=True):
    """How a payload arrived, and how it is read."""

    vendor: str = ""
    """The vendor whose form it has; empty if that is the vendor of the call, as its sighting names it."""
    kind: str = "call"
    """`call` as its vendor's API prints one, `hook` as its webhooks are written, or a kind above."""
    content_type: str = "application/json"
    source: str = ""
    """A short name of where it came from."""
    source_id: str | None = None
    event: str = ""
    unknown: tuple[str, ...] = ()
    problem: str | None = None
    """Why it could not be read."""
    note: str = ""
    """Why it names no call, if it was read and names none."""
    place: str = ""
    """Where in a file it is."""
    content_encoding: str = ""
    """The header of one whose content could not be unpacked."""


PRINTED = Provenance()


class Arrivals(Struct, frozen=True):
    """When a payload arrived that waited in the inbox, and how often."""

    first_at: datetime
    last_at: datetime
    times: int = 1


class Received(Struct):
    """A sighting, and the payload it was read from."""

    sighting: Sighting | None
    """`None` for a payload that names no call."""
    raw: bytes | None = None
    """`None` for our own form in files, which loses nothing and need not be stored twice."""
    provenance: Provenance = PRINTED
    digest: bytes | None = None
    """The hash of the payload, once it is known."""
    arrivals: Arrivals | None = None
    """`None` for one that arrives now."""


class State(Enum):
    """The result of a sighting."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    """The call was deleted before and stays deleted; nothing of the payload was stored."""
    NOTED = "noted"
    """The payload names no call and is in the inbox."""


class Result(Struct, frozen=True):
    """The result of one sighting, and the canonical id of its call."""

    state: State
    call_id: str | None = None


def key_of(sighting: Sighting) -> Key:
    """Vendor and the vendor's own id: what makes two sightings the same call."""
    return sighting.vendor, sighting.vendor_call_id


def is_event(received: Received) -> bool:
    """Whether it is one event of a live call."""
    return received.provenance.kind == EVENT


def payload_key(received: Received) -> PayloadKey:
    """What makes two payloads the same."""
    vendor, name = (
        key_of(received.sighting) if received.sighting is not None else (received.provenance.vendor, "")
    )
    if received.digest is None:
        # The same bytes with another kind are read differently, so they are another payload.
        kind = received.provenance.kind
        hashed = hashlib.sha256(b"" if kind == PRINTED.kind else f"{kind}\n".encode())
        hashed.update(received.raw or b"")
        received.digest = hashed.digest()
    return vendor, name, received.digest


def encoded(raw: object) -> bytes:
    """A decoded payload as the bytes that are stored."""
    return msgspec.json.encode(raw)
