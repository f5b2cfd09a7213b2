"""Words and fields that a vendor sent and a door does not know, named so that they can be counted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from trunkline.kit.payload import Payload

_MAX_SHOWN = 60
"""Characters of a word or a field's name that are shown; what is unknown may also be long."""


class Words(Protocol):
    """A table of a vendor's words."""

    def knows(self, word: str) -> bool:
        """Whether the vendor documents this word."""


class Unknown:
    """Collects unknown words and fields, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def word(self, wire: Payload, name: str, words: Words) -> None:
        """Record the word under a name, if it is a text that is not in the table."""
        word = wire.raw.get(name)
        if isinstance(word, str) and word and not words.knows(word):
            self.note(f"{_path(wire, name)}={word[:_MAX_SHOWN]}")

    def fields(self, wire: Payload, documented: Collection[str]) -> dict[str, Any]:
        """Record the members that are none of the known ones, and return them."""
        rest = wire.rest(*documented)
        for name in rest:
            self.note(_path(wire, name[:_MAX_SHOWN]))
        return rest

    def note(self, what: str) -> None:
        """Record a word or field, such as `call.status=parked` or `call.mood`."""
        self._found[what] = None

    def found(self) -> list[str]:
        """Everything recorded."""
        return list(self._found)


def _path(wire: Payload, name: str) -> str:
    return f"{wire.path}.{name}" if wire.path else name
