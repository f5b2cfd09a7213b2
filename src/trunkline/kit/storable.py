"""What can be stored: bounds that apply to every call, however it arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, structs

from trunkline.kit.json_depth import MAX_DEPTH, NESTS, deeper_than
from trunkline.kit.payload import Unreadable, kind_of
from trunkline.model.call import Cost
from trunkline.model.field_problems import FieldProblem, FieldProblems, note
from trunkline.model.sighting import Sighting

_MAX_TEXT_BYTES = 2000
"""Bytes of a text that calls are looked up by; an index allows some more."""

_MAX_EXPONENT, _MIN_EXPONENT, _DIGITS = 15, -30, 40
"""The range of an amount in powers of ten, and its most digits."""


def storable(sighting: Sighting) -> Sighting:
    """A sighting without the values that cannot be stored, which are named in its problems.

    Raises `Unreadable` where its identity is one of them.
    """
    for name in ("vendor", "vendor_call_id"):
        if fault := _fault_of_text(getattr(sighting, name)):
            raise Unreadable(name, fault)
    problems: FieldProblems = {}
    for name in ("from_number", "to_number"):
        if fault := _fault_of_text(getattr(sighting, name)):
            _note(problems, name, getattr(sighting, name), fault)
            setattr(sighting, name, UNSET)
    for name, part in _PARTS:
        record = getattr(sighting, name)
        if fault := _fault_of_text(getattr(record, part, None)):
            _note(problems, f"{name}.{part}", getattr(record, part), fault)
            setattr(sighting, name, structs.replace(record, **{part: None}))
    _check_words(sighting, problems)
    if isinstance(sighting.cost, Cost) and not _is_amount(sighting.cost):
        _note(problems, "cost.amount", str(sighting.cost.amount), "an amount that a call may have")
        sighting.cost = structs.replace(sighting.cost, amount=None)
    if problems:
        sighting.problems = {**(sighting.problems or {}), **problems}
    elif not sighting.problems:
        sighting.problems = UNSET
    return sighting


_PARTS = (("agent", "id"), ("campaign", "id"), ("contact", "phone_number"))
"""The parts of a call that have columns of their own."""


def _check_words(sighting: Sighting, problems: FieldProblems) -> None:
    words = sighting.vendor_words
    if not words:
        return
    faults = {name: fault for name, word in words.items() if (fault := _fault_of_text(word))}
    for name, fault in faults.items():
        _note(problems, f"vendor_words.{name}", words[name], fault)
    if faults:
        sighting.vendor_words = {name: word for name, word in words.items() if name not in faults}


def _note(problems: FieldProblems, path: str, value: object, expected: str) -> None:
    note(problems, path, FieldProblem(kind_of(value), expected))


def pruned(document: Any, problems: FieldProblems, levels: int = MAX_DEPTH) -> Any:
    """A document without what is nested deeper than so many levels, which is named."""
    if not deeper_than(levels, document):
        return document
    note(
        problems,
        "payload (depth)",
        FieldProblem(f"more than {levels} levels", "JSON that is not so deep", "its outer part"),
    )
    return _outer(document, levels)


def _outer(value: Any, levels: int) -> Any:
    if type(value) not in NESTS:
        return value
    if levels <= 0:
        return None
    if type(value) is dict:
        return {name: _outer(inner, levels - 1) for name, inner in value.items()}
    return [_outer(inner, levels - 1) for inner in value]


def read_call(read: Callable[[Any], Sighting], raw: Any, problems: FieldProblems | None = None) -> Sighting:
    """One call of a payload, read by a vendor's `from_wire`, as far as it can be read and stored.

    `problems` are those of the document around it. Raises `Unreadable` if nobody can tell which call it is.
    """
    found: FieldProblems = dict(problems or {})
    return within(storable(read(pruned(raw, found))), found)


def within(sighting: Sighting, problems: FieldProblems) -> Sighting:
    """A sighting with the problems of the document around it before its own."""
    if problems:
        sighting.problems = {**problems, **(sighting.problems or {})}
    return sighting


def _fault_of_text(text: object) -> str:
    """What a text that a column holds should be, if it is not; empty if it is fine, or no text."""
    if not isinstance(text, str):
        return ""
    if "\x00" in text:
        return "a text without the character NUL"
    if len(text) * 4 > _MAX_TEXT_BYTES and len(text.encode()) > _MAX_TEXT_BYTES:
        return f"a text of at most {_MAX_TEXT_BYTES} bytes"
    return ""


def _is_amount(cost: Cost) -> bool:
    amount = cost.amount
    if not amount:
        return True
    small_enough = amount.is_finite() and _MIN_EXPONENT <= amount.adjusted() < _MAX_EXPONENT
    return small_enough and len(amount.as_tuple().digits) <= _DIGITS
