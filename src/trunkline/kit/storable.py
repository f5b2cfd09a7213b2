"""What can be stored: bounds that apply to every call, however it arrived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trunkline.kit.payload import Unreadable
from trunkline.model.call import Cost
from trunkline.model.sighting import Sighting

MAX_DEPTH = 200
"""Levels that a payload may be nested; it is printed and read again on a stack that is not endless."""

_MAX_TEXT_BYTES = 2000
"""Bytes of a text that calls are looked up by; an index allows some more."""

_MAX_EXPONENT, _MIN_EXPONENT, _DIGITS = 15, -30, 40
"""The range of an amount in powers of ten, and its most digits."""


def checked(sighting: Sighting) -> Sighting:
    """A sighting that can be stored; raises `Unreadable` for one that cannot."""
    for name, text in _indexed_texts(sighting):
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


def _indexed_texts(sighting: Sighting) -> Iterator[tuple[str, object]]:
    """The texts that have columns of their own."""
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
    if len(text) * 4 > _MAX_TEXT_BYTES and len(text.encode()) > _MAX_TEXT_BYTES:
        raise Unreadable(name, f"has at most {_MAX_TEXT_BYTES} bytes")


def _check_amount(cost: Cost) -> None:
    amount = cost.amount
    if not amount:
        return
    small_enough = amount.is_finite() and _MIN_EXPONENT <= amount.adjusted() < _MAX_EXPONENT
    if not small_enough or len(amount.as_tuple().digits) > _DIGITS:
        raise Unreadable("cost.amount", "is not an amount that a call may have")
