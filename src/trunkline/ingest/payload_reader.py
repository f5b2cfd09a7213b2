"""One call of a payload, whichever way it arrived: read with its dialect, and checked to be storable."""

from __future__ import annotations

from typing import Any

from trunkline.kit.dialect import Dialect
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import MAX_DEPTH, checked
from trunkline.service.received import Received, encoded


def received_from(dialect: Dialect, item: Any) -> Received:
    """Read one call of a payload; raises `Unreadable`, also for what cannot be stored."""
    sighting = checked(dialect.from_wire(item))
    return Received(sighting, None if dialect.is_lossless else encoded(item))


def received_from_line(dialect: Dialect, line: bytes) -> Received | None:
    """Read a line with one call, if the dialect has a quick way and the line is simple enough for it."""
    if dialect.from_line is None or not dialect.is_lossless or not _is_flat(line):
        return None
    sighting = dialect.from_line(line)
    if sighting is None:
        return None
    try:
        checked(sighting)
    except Unreadable:
        return None
    return Received(sighting)


def _is_flat(line: bytes) -> bool:
    """Whether a line has too few brackets to be nested too deep."""
    return len(line.translate(None, _NO_BRACKETS)) <= MAX_DEPTH


_NO_BRACKETS = bytes(set(range(256)) - set(b"{["))
