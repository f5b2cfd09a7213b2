"""One call of a payload, whichever door it came in by: read with its dialect, and checked to be storable."""

from __future__ import annotations

from typing import Any

from trunkline.kit.dialect import Dialect
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import DEEPEST, checked
from trunkline.service.intake import Seen, encoded


def seen_in(dialect: Dialect, item: Any) -> Seen:
    """Read one call of a payload; raises `Unreadable`, also for what cannot be stored."""
    sighting = checked(dialect.from_wire(item))
    return Seen(sighting, None if dialect.keeps_everything else encoded(item))


def seen_on(dialect: Dialect, line: bytes) -> Seen | None:
    """Read a line that holds one call, if the dialect has a quick way and nothing needs a longer look."""
    if dialect.from_line is None or not dialect.keeps_everything or not _is_flat(line):
        return None
    sighting = dialect.from_line(line)
    if sighting is None:
        return None
    try:
        checked(sighting)
    except Unreadable:
        return None
    return Seen(sighting)


def _is_flat(line: bytes) -> bool:
    """Whether a line has too few brackets to be nested too deep."""
    return len(line.translate(None, _NO_BRACKETS)) <= DEEPEST


_NO_BRACKETS = bytes(set(range(256)) - set(b"{["))
