"""The words of a text, and the words that a search needs, split by the same rules.

A search looks for a piece of text anywhere in a transcript. A transcript with the piece has its words: the
inner ones whole, the first at least its end, the last at least its beginning. Those words are looked up;
where they alone do not decide, the text is read.
"""

from __future__ import annotations

import enum
import re

from msgspec import Struct

MAX_LENGTH = 128
"""Characters of a stored word; a longer one is stored as overlapping stretches of this length."""
STEP = MAX_LENGTH // 2
MIN_LENGTH = 3
"""Shortest part of a word that is looked up, in characters; shorter ones are in too many words."""

_LONG_TEXT = 100_000
"""From this many characters on, words are split one by one, so that other tasks can run in between."""

# In these scripts no space separates words; each character counts as a word.
_CLOSE = "\u2e80-\u2fff\u3005-\u30ff\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CLOSE}]|(?:(?![{_CLOSE}])\w)+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_IS_CLOSE = re.compile(f"[{_CLOSE}]")


class Anchor(enum.Enum):
    """Where in a word a part of it is."""

    WHOLE = "whole"
    BEGINNING = "beginning"
    END = "end"
    ANYWHERE = "anywhere"


class Term(Struct, frozen=True):
    """A word, or a part of one, that a transcript must have."""

    text: str
    anchor: Anchor


class TermQuery(Struct, frozen=True):
    """The words that a search text requires."""

    terms: tuple[Term, ...]
    decided: bool
    """Whether the words alone decide that a transcript has the text."""


def words_of(text: str) -> set[str]:
    """The words of a text, which is case-folded already."""
    word = _ASCII_WORD if text.isascii() else _WORD
    if len(text) < _LONG_TEXT:
        words = set(word.findall(text))
    else:
        words = {match.group() for match in word.finditer(text)}
    long = [word for word in words if len(word) > MAX_LENGTH]
    return words.difference(long).union(*map(_stretches, long)) if long else words


def term_query_of(text: str) -> TermQuery:
    """The words that every transcript with a piece of text has; none if the piece is too short."""
    found = list(_WORD.finditer(text))
    parts = [_term(match, len(text)) for match in found]
    terms = tuple(dict.fromkeys(part for part in parts if part is not None))
    alone = len(found) == 1 and len(terms) == 1 and found[0].group() == text == terms[0].text
    return TermQuery(terms, alone)


def _term(match: re.Match[str], length: int) -> Term | None:
    word = match.group()
    close = _IS_CLOSE.match(word) is not None
    from_start = close or match.start() > 0
    to_end = close or match.end() < length
    if len(word) > STEP:  # it may go over the edge of a stretch, but its first half-stretch does not
        return Term(word[:STEP], Anchor.BEGINNING if from_start else Anchor.ANYWHERE)
    if from_start and to_end:
        return Term(word, Anchor.WHOLE)
    if len(word) < MIN_LENGTH:
        return None
    if from_start:
        return Term(word, Anchor.BEGINNING)
    return Term(word, Anchor.END if to_end else Anchor.ANYWHERE)


def _stretches(word: str) -> list[str]:
    starts = range(0, len(word) - MAX_LENGTH + STEP, STEP)
    return [word[start : start + MAX_LENGTH] for start in starts]
