"""One call of a payload, whichever way it arrived: read with its dialect, and checked to be storable."""

from __future__ import annotations

from typing import Any

from trunkline.kit.dialect import Dialect
from trunkline.kit.json_depth import MAX_DEPTH
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import read_call, storable
from trunkline.model.field_problems import FieldProblems
from trunkline.service.received import Received, encoded


def received_from(dialect: Dialect, item: Any, problems: FieldProblems | None = None) -> Received:
    """Read one call of a payload; raises `Unreadable` if it does not say which call it is.

    `problems` are those of the document around it.
    """
    sighting = read_call(dialect.from_wire, item, problems)
    nothing_lost = dialect.is_lossless and not sighting.problems
    return Received(sighting, None if nothing_lost else encoded(item))


def received_from_line(dialect: Dialect, line: bytes) -> Received | None:
    """Read a line with one call, if the dialect has a quick way and the line is simple enough for it."""
    if dialect.from_line is None or not dialect.is_lossless or not _is_flat(line):
        return None
    sighting = dialect.from_line(line)
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
