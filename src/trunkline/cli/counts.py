"""Numbers of things as commands print them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number and what it counts: `1 call`, `2 calls`; for nouns whose plural ends in `s`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
