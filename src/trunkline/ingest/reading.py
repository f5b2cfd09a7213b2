"""One call of a payload, whichever door it came in by: read with its dialect, and checked to be storable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trunkline.kit.dialect import Dialect
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Cost
from trunkline.model.sighting import Sighting
from trunkline.service.intake import Seen, encoded

DEEPEST = 200
"""Levels that a payload may be nested; it is printed and read again on a stack that is not endless."""

_LONGEST_TEXT = 2000
"""Bytes of a text that calls are looked up by; an index holds some more."""

_LARGEST, _SMALLEST, _DIGITS = 15, -30, 40
"""Powers of ten between which an amount lies, and how many digits it has."""


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


def checked(sighting: Sighting) -> Sighting:
    """A sighting that can be stored; raises `Unreadable` for one that cannot."""
    for name, text in _looked_up(sighting):
        _check_text(name, text)
    if isinstance(sighting.cost, Cost):
        _check_amount(sighting.cost)
    return sighting


def deeper_than(levels: int, document: Any) -> bool:
    """Whether a JSON document is nested deeper than so many levels."""
    found = [document] if type(document) in _NESTS else []
    for _ in range(levels):
        found = [
            inner
            for outer in found
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _NESTS
        ]
        if not found:
            return False
    return True


_NESTS = frozenset({dict, list})


def _looked_up(sighting: Sighting) -> Iterator[tuple[str, object]]:
    """The texts that stand in columns of their own."""
    for name in ("vendor", "vendor_call_id", "from_number", "to_number"):
        yield name, getattr(sighting, name)
    for name, part in (("agent", "id"), ("campaign", "id"), ("contact", "phone_number")):
        yield f"{name}.{part}", getattr(getattr(sighting, name), part, None)
    for name, word in (sighting.vendor_words or {}).items():
        yield f"vendor_words.{name}", word


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        return
    if "\x00" in text:
        raise Unreadable(name, "must not contain the character NUL")
    if len(text) * 4 > _LONGEST_TEXT and len(text.encode()) > _LONGEST_TEXT:
        raise Unreadable(name, f"has at most {_LONGEST_TEXT} bytes")


def _check_amount(cost: Cost) -> None:
    amount = cost.amount
    if not amount:
        return
    small_enough = amount.is_finite() and _SMALLEST <= amount.adjusted() < _LARGEST
    if not small_enough or len(amount.as_tuple().digits) > _DIGITS:
        raise Unreadable("cost.amount", "is not an amount that a call may have")
