"""What a request sends besides its address: a body and what it says that it is."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from trunkline.kit.storable import DEEPEST, deeper_than
from trunkline.model.faults import Fault, Refused

JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines")


class Sent(Struct, frozen=True):
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

    def must_be_json(self) -> None:
        """Raises `Refused` for a body that says that it is something else."""
        if self.media_type not in ("", JSON) and not self.media_type.endswith("+json"):
            raise Refused(Fault.UNSUPPORTED_BODY, f"the body must be {JSON}")


def read_json(raw: bytes | msgspec.Raw) -> Any:
    """JSON as values; raises `Refused`."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Fault.BAD_REQUEST, f"the body is not JSON: {str(error)[:120]}") from None
    if deeper_than(DEEPEST, found):
        raise Refused(Fault.BAD_REQUEST, f"the body is nested deeper than {DEEPEST} levels")
    return found
