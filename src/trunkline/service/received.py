"""What is given to intake, and what came of it."""

from __future__ import annotations

import hashlib
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
"""The kind of payload that is a sighting as we encode one, with its time: what was said of a known call."""

RECORDING = "recording"
"""The kind of payload by which we say of ourselves that a recording is kept."""


class Provenance(Struct, frozen=True, kw_only=True):
    """How a payload came, and how it is read."""

    vendor: str = ""
    """Whose form it has; needed where no sighting tells."""
    kind: str = "call"
    """`call` as its vendor's API prints one, `hook` as its webhooks are written, or a kind above."""
    content_type: str = "application/json"
    source: str = ""
    """Where it came from, in a word or two."""
    source_id: str | None = None
    event: str = ""
    unknown: tuple[str, ...] = ()
    problem: str | None = None
    """Why nothing could be read from it."""


PRINTED = Provenance()


class Received(Struct):
    """A sighting, and the payload it was read from."""

    sighting: Sighting | None
    """`None` for a payload that names no call."""
    raw: bytes | None = None
    """`None` for our own form in files, which loses nothing and need not be kept twice."""
    provenance: Provenance = PRINTED
    digest: bytes | None = None
    """The hash of the payload, once it is known."""


class State(Enum):
    """What came of a sighting."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    """The call was taken out of the log and stays out; nothing of the payload was kept."""
    NOTED = "noted"
    """The payload names no call and was kept."""


class Result(Struct, frozen=True):
    """What came of one sighting, and the canonical id of its call."""

    state: State
    call_id: str | None = None


def key_of(sighting: Sighting) -> Key:
    """Vendor and the vendor's own id: what makes two sightings the same call."""
    return sighting.vendor, sighting.vendor_call_id


def is_event(seen: Received) -> bool:
    """Whether it is one event of a live call."""
    return seen.provenance.kind == EVENT


def payload_key(received: Received) -> PayloadKey:
    """What makes two payloads the same."""
    vendor, name = (
        key_of(received.sighting) if received.sighting is not None else (received.provenance.vendor, "")
    )
    if received.digest is None:
        # The same bytes of another kind are read otherwise, so that they are another payload.
        kind = received.provenance.kind
        hashed = hashlib.sha256(b"" if kind == PRINTED.kind else f"{kind}\n".encode())
        hashed.update(received.raw or b"")
        received.digest = hashed.digest()
    return vendor, name, received.digest


def encoded(raw: object) -> bytes:
    """A decoded payload as the bytes that are kept."""
    return msgspec.json.encode(raw)
