"""One call of a file: read in the form of its vendor, and checked to be storable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from trunkline.kit.json_depth import MAX_DEPTH
from trunkline.kit.payload import Unreadable
from trunkline.kit.recognition import SavedAnswers
from trunkline.kit.storable import read_call, storable
from trunkline.model.field_problems import FieldProblems
from trunkline.model.sighting import Sighting
from trunkline.service.received import Provenance, Received, encoded
from trunkline.vendors import dialects, doors, saved_answers

FILE = "file"
"""The source of what is imported."""


class SavedForm(Struct, frozen=True, kw_only=True):
    """How one vendor's calls are found in a file, and read."""

    name: str
    title: str
    saved: SavedAnswers
    from_wire: Callable[[Any], Sighting]
    from_line: Callable[[bytes], Sighting | None] | None = None
    is_lossless: bool = False

    @property
    def provenance(self) -> Provenance:
        """That of a call in this form."""
        return Provenance(vendor=self.name, source=FILE)


def file_forms() -> dict[str, SavedForm]:
    """The form of every vendor whose saved answers can be imported."""
    found = {}
    for name, saved in saved_answers().items():
        dialect = dialects().get(name)
        reader = dialect or doors()[name]
        found[name] = SavedForm(
            name=name,
            title=reader.title,
            saved=saved,
            from_wire=reader.from_wire,
            from_line=dialect.from_line if dialect else None,
            is_lossless=dialect is not None and dialect.is_lossless,
        )
    return found


def received_from(form: SavedForm, item: Any, problems: FieldProblems | None = None) -> Received:
    """Read one call of a payload; raises `Unreadable` if it does not say which call it is.

    `problems` are those of the document around it.
    """
    sighting = read_call(form.from_wire, item, problems)
    nothing_lost = form.is_lossless and not sighting.problems
    return Received(sighting, None if nothing_lost else encoded(item), form.provenance)


def received_from_line(form: SavedForm, line: bytes) -> Received | None:
    """Read a line with one call, if the form has a quick way and the line is simple enough for it."""
    if form.from_line is None or not form.is_lossless or not _is_flat(line):
        return None
    sighting = form.from_line(line)
    if sighting is None:
        return None
    try:
        return None if storable(sighting).problems else Received(sighting)
    except Unreadable:
        return None


def _is_flat(line: bytes) -> bool:
    """Whether a line has too few brackets to be nested too deep."""
    return len(line.translate(None, _NO_BRACKETS)) <= MAX_DEPTH


_NO_BRACKETS = bytes(set(range(256)) - set(b"{["))
