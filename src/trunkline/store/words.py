"""The words of a text, and what a search asks of them, split alike.

A search looks for a piece of text anywhere in a conversation. Whatever holds the piece holds its words:
those within it whole, the first by its end and the last by its beginning. Those words are looked up; where
they alone do not decide, the text is read.
"""

from __future__ import annotations

import enum
import re

from msgspec import Struct

LONGEST = 128
"""Characters of a word that is kept; a longer one is kept as overlapping stretches of this length."""
STEP = LONGEST // 2
SHORTEST_PART = 3
"""Characters that a part of a word must have to be looked up; shorter ones stand in too many words."""

# In these scripts no space parts the words; each character stands for a word.
_CLOSE = "\u2e80-\u2fff\u3005-\u30ff\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CLOSE}]|(?:(?![{_CLOSE}])\w)+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_IS_CLOSE = re.compile(f"[{_CLOSE}]")


class Place(enum.Enum):
    """Where in a word a part of it stands."""

    WHOLE = "whole"
    BEGINNING = "beginning"
    END = "end"
    ANYWHERE = "anywhere"


class Part(Struct, frozen=True):
    """A word, or a part of one, that a conversation must hold."""

    text: str
    place: Place


class Asked(Struct, frozen=True):
    """What a piece of text asks of the words around it."""

    parts: tuple[Part, ...]
    decided: bool
    """Whether the words alone tell that the text holds the piece."""


def words_of(text: str) -> set[str]:
    """The words of a text, which is case-folded already."""
    words = set((_ASCII_WORD if text.isascii() else _WORD).findall(text))
    long = [word for word in words if len(word) > LONGEST]
    return words.difference(long).union(*map(_stretches, long)) if long else words


def asked_of(piece: str) -> Asked:
    """The words that whatever holds a piece of text must hold; none if the piece says too little."""
    found = list(_WORD.finditer(piece))
    parts = [_part(match, len(piece)) for match in found]
    telling = tuple(dict.fromkeys(part for part in parts if part is not None))
    alone = len(found) == 1 and len(telling) == 1 and found[0].group() == piece == telling[0].text
    return Asked(telling, alone)


def _part(match: re.Match[str], length: int) -> Part | None:
    word = match.group()
    close = _IS_CLOSE.match(word) is not None
    from_start = close or match.start() > 0
    to_end = close or match.end() < length
    if len(word) > STEP:  # it may go over the edge of a stretch, but its first half-stretch does not
        return Part(word[:STEP], Place.BEGINNING if from_start else Place.ANYWHERE)
    if from_start and to_end:
        return Part(word, Place.WHOLE)
    if len(word) < SHORTEST_PART:
        return None
    if from_start:
        return Part(word, Place.BEGINNING)
    return Part(word, Place.END if to_end else Place.ANYWHERE)


def _stretches(word: str) -> list[str]:
    starts = range(0, len(word) - LONGEST + STEP, STEP)
    return [word[start : start + LONGEST] for start in starts]
