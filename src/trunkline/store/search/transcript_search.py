"""Calls whose transcript has a text, found by their words."""

from __future__ import annotations

import sys

from trunkline.model.query import CallFilter
from trunkline.store.calls import filters
from trunkline.store.calls.filters import Statement
from trunkline.store.search.tokenizer import Anchor, Term, term_query_of

_LAST = chr(sys.maxunicode)
"""Sorts after every character that a word may have."""


def calls_that_hold(statement: Statement, text: str) -> str:
    """The part of a statement that finds the calls whose transcript has a piece of case-folded text."""
    query = term_query_of(text)
    if not query.terms:
        return statement.add("search.transcript_matches_by_text", text, spoken=filters.SPOKEN)
    holds = " AND ".join(statement.add("search.holds", ids=_numbers(statement, part)) for part in query.terms)
    read = "" if query.decided else " " + statement.add("search.read", text)
    return statement.add(
        "search.transcript_matches", text, text, holds=holds, read=read, spoken=filters.SPOKEN
    )


def _numbers(statement: Statement, part: Term) -> str:
    word, after = part.text, part.text + _LAST
    match part.anchor:
        case Anchor.WHOLE:
            return statement.add("search.whole", word)
        case Anchor.BEGINNING:
            return statement.add("search.beginning", word, after)
        case Anchor.END:
            return statement.add("search.end", word, word)
        case Anchor.ANYWHERE:
            return statement.add("search.anywhere", word, after, word, after)


def among(
    statement: Statement, call_filter: CallFilter, without_index: frozenset[str] = frozenset()
) -> list[str]:
    """The conditions of a filter without its text, whose calls were found already."""
    rest = filters.where(statement, call_filter, frozenset({"transcript_text"}), without_index)
    return [statement.add("search.among"), *rest]
