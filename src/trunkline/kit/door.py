"""The door: how one vendor's calls come in, by its webhooks and from its list.

A door is pure, as a dialect is: it gets the bytes of a request and the clock's time, and does no I/O. A
vendor whose API we serve has a door beside its dialect; any other vendor has a door alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct, field

from trunkline.kit.json_reader import read_json
from trunkline.kit.list_api import ListApi
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import SignatureVerifier
from trunkline.model.field_problems import FieldProblem, FieldProblems, note
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
    by_get: bool = False
    """Whether the vendor can be set to send its webhooks by GET, as a form in the query string."""
    list_api: ListApi | None = None
    """How the vendor's list is requested; `None` if it has none, or none that we read."""


FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000
"""Of a form."""


def document_of(body: bytes, content_type: str, problems: FieldProblems | None = None) -> Any:
    """A delivery's body as a document: JSON, or a form as an object of texts.

    Raises `Unreadable`, and names what had to be put right. Of a repeated field of a form the last one
    counts. A body is read as what it looks like, since senders label JSON as forms and forms as JSON; a
    form whose only field holds a JSON object is that object.
    """
    problems = {} if problems is None else problems
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    looks_like_json = body.lstrip(_BEFORE_JSON)[:1] in (b"{", b"[")
    if is_form and not looks_like_json:
        return _form(body, problems)
    try:
        document = read_json(body, problems)
        if isinstance(document, str) and document.lstrip()[:1] in ("{", "["):
            note(problems, "payload (text)", FieldProblem("JSON in a text", "JSON", "JSON"))
            return read_json(document.encode(), problems)
        return document
    except Unreadable:
        if looks_like_json or not _LIKE_A_FORM.match(body):
            raise
    note(problems, "payload (form)", FieldProblem("a form", "JSON", "a form"))
    return _form(body, problems)


_BEFORE_JSON = b" \t\r\n\0\xef\xbb\xbf\xfe\xff"
"""White space, and byte order marks of any encoding."""

_LIKE_A_FORM = re.compile(rb"[A-Za-z0-9_.\-\[\]%+]{1,200}=")


def _form(body: bytes, problems: FieldProblems) -> Any:
    try:
        text = body.decode(errors="replace")
        fields = dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Unreadable("payload", f"is a form of more than {MAX_FIELDS} fields") from None
    if any("\ufffd" in name or "\ufffd" in value for name, value in fields.items()):
        note(
            problems,
            "payload (encoding)",
            FieldProblem("bytes that are no UTF-8", "a form in UTF-8", "the character \ufffd"),
        )
    if len(fields) == 1:
        name, value = next(iter(fields.items()))
        text = value or name
        if text.lstrip().startswith("{"):
            note(problems, "payload (form)", FieldProblem("JSON in a form", "JSON", "JSON"))
            return read_json(text.encode(), problems)
    return fields
