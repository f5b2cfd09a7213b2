"""Groupings: what running totals are counted by, and how each is made from the columns of a call.

A grouping is stored as a small number, since it follows the org in every key, in millions of rows: two bytes,
compared as a number. A name would take up to twenty bytes in the row and as many in the index, and is
compared by the rules of a language. The numbers are defined here and written nowhere else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from trunkline.model.query import SortField
from trunkline.store.columns import FRAGMENTS, NUMBER_FILTERS, Count, counted, listed
from trunkline.store.durations import period_of
from trunkline.store.queries import queries
from trunkline.store.totals.periods import Level


class Grouping(IntEnum):
    """What a row of the totals counts; the numbers are those in the table."""

    EVERYTHING = 0
    OUTCOME = 1
    AGENT = 3
    CAMPAIGN = 5
    AGENT_AND_CAMPAIGN = 7
    WORD = 8
    """One word, true or false, or a phone number; `value` has it together with its column's name."""
    STARTED_AT = 16
    ENDED_AT = 17
    DURATION_MS = 18
    WITHOUT_STARTED_AT = 19
    """By creation, like the two below."""
    WITHOUT_ENDED_AT = 20
    WITHOUT_DURATION_MS = 21


class Parts(NamedTuple):
    """What distinguishes the rows of a grouping, besides the period."""

    outcome: bool = False
    agent: bool = False
    campaign: bool = False


BY_PARTS = {
    Parts(): Grouping.EVERYTHING,
    Parts(outcome=True): Grouping.OUTCOME,
    Parts(outcome=True, agent=True): Grouping.AGENT,
    Parts(outcome=True, campaign=True): Grouping.CAMPAIGN,
    Parts(outcome=True, agent=True, campaign=True): Grouping.AGENT_AND_CAMPAIGN,
}
"""The groupings with periods of creation and more than one narrowing column."""

OF_VALUE: dict[SortField, Grouping] = {
    field: Grouping[field.name] for field in SortField if field is not SortField.CREATED_AT
}
"""Calls that have a value, by that value."""

WITHOUT_VALUE: dict[SortField, Grouping] = {field: Grouping[f"WITHOUT_{field.name}"] for field in OF_VALUE}
"""Calls that have none, by creation."""

SINGLE_WORDS = frozenset(column.name for column in counted(Count.WORD))
"""The columns that are counted alone, in the grouping of words."""

_OUTCOME = counted(Count.OUTCOME, Count.OWN_WORD)
OUTCOME_POSITIONS = {
    column.name: position for position, column in enumerate(_OUTCOME, 1) if column.count is Count.OUTCOME
}
"""The index of each word in an outcome, from 1; the vendor's own word follows it."""

NO_REFERENCE = UUID(int=0)
"""The value for agents or campaigns in groupings that do not use them."""

UNITS = {level: level.name.lower() for level in Level}
"""PostgreSQL's names for the levels."""

if {field.value for field in OF_VALUE} != {one.name for one in counted(Count.INSTANT, Count.DURATION)}:
    raise TypeError("every field that lists are ordered by needs totals by it")


# -- as SQL ---------------------------------------------------------------


def _levels(finest: Level) -> str:
    return ", ".join(f"({level:d}, '{UNITS[level]}')" for level in Level if level >= finest)


def _parts(chosen: list[Parts]) -> str:
    rows = ((f"{BY_PARTS[one]:d}", *(str(part).lower() for part in one)) for one in chosen)
    return ", ".join(f"({', '.join(row)})" for row in rows)


def _outcome() -> str:
    named = queries("totals")
    forms = {Count.OUTCOME: named["outcome_word"], Count.OWN_WORD: named["outcome_own_word"]}
    return ", ".join(forms[one.count].format(column=one.name) for one in _OUTCOME if one.count)


def _by_value() -> str:
    form = queries("totals")["by_value"]
    return ", ".join(
        form.format(
            column=one.name,
            of_value=OF_VALUE[SortField(one.name)],
            without_value=WITHOUT_VALUE[SortField(one.name)],
            instant=period_of(one.name) if one.count is Count.DURATION else one.name,
        )
        for one in counted(Count.INSTANT, Count.DURATION)
    )


def _number_filters() -> str:
    form = queries("totals")["number_filter"]
    return ", ".join(
        form.format(name=name, columns=listed(columns, "d.{0}")) for name, columns in NUMBER_FILTERS.items()
    )


_WORDS = tuple(column.name for column in counted(Count.WORD))
_NUMBERS = tuple(column.name for column in counted(Count.NUMBER))

NAMED = {
    **FRAGMENTS,
    "Grouping": Grouping,
    "Level": Level,
    "no_reference": f"'{NO_REFERENCE}'",
    "outcome_parts": _outcome(),
    "words": listed(_WORDS),
    "word_values": ", ".join(queries("totals")["word_value"].format(column=name) for name in _WORDS),
    "by_value": _by_value(),
    "number_columns": listed(_NUMBERS),
    "number_filters": _number_filters(),
    "numbers_of_a_call": listed(_NUMBERS, "d.{0}"),
    "is_a_number": " OR ".join(f"{name} = $2" for name in _NUMBERS),
    "values_of_a_number": listed(tuple(NUMBER_FILTERS), "'{0}:' || $2"),
    "by_period": _parts(list(BY_PARTS)),
    "by_hour": _parts([Parts(), Parts(outcome=True)]),
    "levels_from_hour": _levels(Level.HOUR),
    "levels_from_day": _levels(Level.DAY),
}
"""What replaces the braces in the statements that update, check and correct totals."""
