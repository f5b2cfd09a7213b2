"""Calls in which something was said, found by their words."""

from __future__ import annotations

import sys

from trunkline.model.query import CallFilter
from trunkline.store import clauses
from trunkline.store.clauses import Statement
from trunkline.store.words import Part, Place, asked_of

_LAST = chr(sys.maxunicode)
"""Comes after every character that a word may have."""


def calls_that_hold(statement: Statement, text: str) -> str:
    """The statement's part that finds the calls in which a piece of case-folded text was said."""
    asked = asked_of(text)
    if not asked.parts:
        return statement.add("words.said_by_reading", text)
    holds = " AND ".join(statement.add("words.holds", ids=_numbers(statement, part)) for part in asked.parts)
    read = "" if asked.decided else " " + statement.add("words.read", text)
    return statement.add("words.said", text, holds=holds, read=read)


def _numbers(statement: Statement, part: Part) -> str:
    word, after = part.text, part.text + _LAST
    match part.place:
        case Place.WHOLE:
            return statement.add("words.whole", word)
        case Place.BEGINNING:
            return statement.add("words.beginning", word, after)
        case Place.END:
            return statement.add("words.end", word, word)
        case Place.ANYWHERE:
            return statement.add("words.anywhere", word, after, word, after)


def among(
    statement: Statement, call_filter: CallFilter, in_passing: frozenset[str] = frozenset()
) -> list[str]:
    """The conditions of a filter with a text, whose calls were found already."""
    rest = clauses.where(statement, call_filter, frozenset({"transcript_text"}), in_passing)
    return [statement.add("words.among"), *rest]
