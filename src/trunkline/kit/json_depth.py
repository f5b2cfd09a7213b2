"""How deep JSON is nested, and how deep it may be."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 200
"""Levels that a payload may be nested; it is printed and read again on a stack that is not endless."""

NESTS = frozenset({dict, list})


def deeper_than(levels: int, document: Any) -> bool:
    """Whether a JSON document is nested deeper than so many levels."""
    found = [document] if type(document) in NESTS else []
    for _ in range(levels):
        found = [
            inner
            for outer in found
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in NESTS
        ]
        if not found:
            return False
    return True
