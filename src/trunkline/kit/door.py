"""The door: how one vendor's calls come in, by its webhooks and from its list.

A door is pure, as a dialect is: it gets the bytes of a request and the clock's time, and does no I/O. A
vendor whose API we serve has a door beside its dialect; any other vendor has a door alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field

from trunkline.kit.list_api import ListApi
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import SignatureVerifier
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.model.sighting import Sighting


class ParsedDelivery(Struct, kw_only=True):
    """What was read from one delivery."""

    event: str
    """The vendor's own name for what happened; empty where it has none."""
    sightings: list[Sighting] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Words and fields that this door does not know, such as `call.status=parked` or `call.mood`; they are
    stored with the payload and counted."""
    note: str = ""
    """Why the delivery names no call, where it does not."""


class AnswerExpected(Exception):
    """The vendor wants an answer that steers the call, which a call log must not give."""

    def __init__(self, event: str) -> None:
        super().__init__(
            f"{event} expects an answer that steers the call; send it to your agent's own server"
        )
        self.event = event


def whole(document: Any) -> list[Any]:
    """A delivery with at most one call, which is not split."""
    return [document]


class Door(Struct, frozen=True, kw_only=True):
    """Everything that is needed to receive one vendor's calls."""

    name: str
    title: str
    about: str
    """The module's docstring, from which its docs page is made."""
    signature: SignatureVerifier
    """How a delivery is verified to be the vendor's."""
    parse_delivery: Callable[[Any], ParsedDelivery]
    """Reads a delivery's document, as `document_of` has it; raises `Unreadable` and `AnswerExpected`."""
    from_wire: Callable[[Any], Sighting]
    """Reads one call as the vendor's list or get prints it; raises `Unreadable`."""
    split: Callable[[Any], list[Any]] = whole
    """A delivery's document as one for each of its calls, so that each call's own part can be deleted with
    it. `parse_delivery` reads each part as it reads that call in the whole. Never raises."""
    list_api: ListApi | None = None
    """How the vendor's list is requested; `None` if it has none, or none that we read."""


_read = ChunkedDecoder().decode

FORM = "application/x-www-form-urlencoded"


def document_of(body: bytes, content_type: str) -> Any:
    """A delivery's body as a document: JSON, or a form as an object of texts.

    Raises `Unreadable`. Of a repeated field of a form the last one counts. What begins like JSON is
    read as JSON, since some senders label everything as a form.
    """
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    if is_form and body.lstrip()[:1] not in (b"{", b"["):
        try:
            return dict(
                parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
            )
        except ValueError:
            raise Unreadable("payload", "is not a form") from None
    try:
        return _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreadable("payload", "is not JSON") from None
    except RecursionError:
        raise Unreadable("payload", "is nested too deep") from None
