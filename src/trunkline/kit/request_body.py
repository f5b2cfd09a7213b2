"""What a request sends besides its address: a body and its media type."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from trunkline.kit.json_depth import MAX_DEPTH, deeper_than
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.model.faults import Fault, Refused
from trunkline.model.sighting import Sighting

JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines")


class RequestBody(Struct, frozen=True):
    """A request's body."""

    content: bytes
    media_type: str = JSON
    """In lower case and without parameters; empty if the request does not say."""

    @property
    def is_lines(self) -> bool:
        """Whether it is JSON Lines."""
        return self.media_type in JSON_LINES

    def json(self) -> Any:
        """The body as JSON; raises `Refused`."""
        self.must_be_json()
        return read_json(self.content)

    def object(self) -> dict[str, Any]:
        """The body as one JSON object, a missing one as an empty object; raises `Refused`."""
        found = self.json() if self.content.strip() else {}
        if not isinstance(found, dict):
            raise Refused(Fault.BAD_REQUEST, "the body must be a JSON object")
        return found

    def must_be_json(self, *, or_lines: bool = False) -> None:
        """Raises `Refused` for a body of another media type.

        It is not guessed: `curl --data` labels everything as a form, and sometimes it is one.
        `or_lines` only says that JSON Lines would have been accepted too.
        """
        if self.media_type not in ("", JSON) and not self.media_type.endswith("+json"):
            raise Refused(Fault.UNSUPPORTED_BODY, header_to_send(self.media_type, or_lines=or_lines))


def refuse_problems(sighting: Sighting | None) -> None:
    """Raises `Refused` for the first value that could not be read as documented.

    A client that writes one call is there to put it right; what comes by other ways is taken without it.
    """
    for path, problem in (sighting.problems or {}).items() if sighting is not None else ():
        raise Refused(Fault.BAD_REQUEST, f"{path}: expected {problem.expected}, found {problem.found}", path)


def header_to_send(media_type: str, *, or_lines: bool) -> str:
    """The advice for a client whose media type is not accepted."""
    lines = f", or {JSON_LINES[0]} for JSON Lines" if or_lines else ""
    return f"it came as {media_type[:80]}; send it with the header Content-Type: {JSON}{lines}"


_read = ChunkedDecoder().decode


def read_json(raw: bytes | msgspec.Raw) -> Any:
    """JSON as values; raises `Refused`."""
    try:
        found = _read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Fault.BAD_REQUEST, f"the body is not JSON: {str(error)[:120]}") from None
    if deeper_than(MAX_DEPTH, found):
        raise Refused(Fault.BAD_REQUEST, f"the body is nested deeper than {MAX_DEPTH} levels")
    return found
