"""Filters, orders and windows as SQL: a table from each filter to the named fragments of `filters.sql`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_type_hints
from uuid import UUID

from trunkline.model.ids import uuid_of
from trunkline.model.query import CallFilter, Span, Wording
from trunkline.store.calls.rows import folded
from trunkline.store.columns import BY_NAME, NUMBER_FILTERS, Count, counted
from trunkline.store.queries import queries
from trunkline.store.totals.periods import BEGINNING, END


class Statement:
    """A statement under construction: its text and its parameter values.

    `$1` is the org; each `?` of a fragment becomes the next number. Building the text costs more than running
    it, so it is built once for each shape: a `dry` statement only collects the values, and in `shape` the
    names of the fragments, which identify a text that was built before.
    """

    def __init__(self, org_id: int, *, dry: bool = False) -> None:
        self.values: list[Any] = [org_id]
        self.dry = dry
        self.shape: list[object] = []

    def add(self, fragment: str, *values: Any, **names: str) -> str:
        """A fragment by its file (default `filters`) and name, its values numbered and names filled in."""
        if self.dry:
            self.values += values
            self.shape.append(fragment)
            self.shape += names.values()
            return ""
        stem, _, name = fragment.rpartition(".")
        text = queries(stem or "filters")[name]
        if names:
            text = text.format(**names)
        pieces = text.split("?")
        if len(pieces) != len(values) + 1:
            raise ValueError(f"fragment {fragment} takes {len(pieces) - 1} values")
        for index, value in enumerate(values):
            self.values.append(value)
            pieces[index] += f"${len(self.values)}"
        return "".join(pieces)


SPOKEN = queries("live")["spoken"]
"""The searchable text of a transcript `s`."""

TRANSCRIPT_JOIN = "\n" + queries("list_query")["join"].format(stored=queries("live")["transcript"])
"""What joins the transcript `t` to a call `c`."""

Clause = Callable[[Statement, Any], list[str]]


def _span(column: str) -> Clause:
    def clause(statement: Statement, span: Span) -> list[str]:
        parts = []
        if span.low is not None:
            parts.append(statement.add("low", span.low, column=column))
        if span.high is not None:
            parts.append(statement.add("high", span.high, column=column))
        return parts

    return clause


def _other_span(column: str, *, without_index: bool = False) -> Clause:
    least, most = (-(2**63), 2**63 - 1) if column == "c.duration_ms" else (BEGINNING, END)
    fragment = "between_without_index" if without_index else "between"

    def clause(statement: Statement, span: Span) -> list[str]:
        low = least if span.low is None else span.low
        high = most if span.high is None else span.high
        return [statement.add(fragment, low, high, column=column)]

    return clause


def _words(column: str, *, has_vendor_words: bool = False) -> Clause:
    def clause(statement: Statement, wording: Wording) -> list[str]:
        values = sorted(wording.values)
        if not has_vendor_words or wording.vendor is None:
            return [statement.add("values", values, column=column)]
        vendor = wording.vendor
        return [statement.add("word", values, vendor, vendor, sorted(wording.words), column=column)]

    return clause


def _values(column: str) -> Clause:
    return lambda statement, values: [statement.add("values", sorted(values), column=column)]


def _refs(column: str) -> Clause:
    """Agents and campaigns are looked up by the UUID form of their ids, by which totals are counted too."""
    return lambda statement, ids: [
        statement.add("values", [UUID(uuid_of(one)) for one in sorted(ids)], column=column)
    ]


def _value(column: str, read: Callable[[Any], Any] = lambda value: value) -> Clause:
    return lambda statement, value: [statement.add("value", read(value), column=column)]


def _number(names: tuple[str, ...]) -> Clause:
    """A phone number in any of several columns."""

    def clause(statement: Statement, number: str) -> list[str]:
        conditions = [statement.add("value", number, column=f"c.{name}") for name in names]
        return conditions if len(conditions) == 1 else [f"({' OR '.join(conditions)})"]

    return clause


def _clause_of(name: str, form: Any) -> Clause | None:
    """The clause of a filter that is named like a column: the type of its value decides the condition."""
    column = f"c.{name}"
    if name not in BY_NAME:
        return None
    if form is Span:
        return _span(column) if BY_NAME[name].count is Count.PERIOD else _other_span(column)
    if form is Wording:
        return _words(column, has_vendor_words=f"{name}_word" in BY_NAME)
    return _values(column) if form == frozenset[str] else _value(column)


_FORMS = {name: get_args(form)[0] for name, form in get_type_hints(CallFilter).items()}
"""The clause of each filter, if it is given."""

FILTERS: dict[str, Clause] = {
    **{name: clause for name, form in _FORMS.items() if (clause := _clause_of(name, form)) is not None},
    "agent_id": _refs("c.agent_ref"),
    "campaign_id": _refs("c.campaign_ref"),
    "agent_ref": _value("c.agent_ref", UUID),
    "campaign_ref": _value("c.campaign_ref", UUID),
    **{name: _number(columns) for name, columns in NUMBER_FILTERS.items()},
    "transcript_text": lambda statement, text: [
        statement.add("transcript_text", folded(text), spoken=SPOKEN)
    ],
}
"""How each filter narrows a statement; one that compares a column by its type needs no line here."""

if set(FILTERS) != set(CallFilter.__struct_fields__):
    raise TypeError("every field of CallFilter needs its clause")


_WITHOUT_INDEX: dict[str, Clause] = {
    column.name: _other_span(f"c.{column.name}", without_index=True)
    for column in counted(Count.INSTANT, Count.DURATION)
}


def where(
    statement: Statement,
    call_filter: CallFilter,
    except_for: frozenset[str] = frozenset(),
    without_index: frozenset[str] = frozenset(),
) -> list[str]:
    """The conditions of a filter without some of its fields; ranges `in_passing` do not select an index."""
    return [
        text
        for name, clause in FILTERS.items()
        if name not in except_for and (value := getattr(call_filter, name)) is not None
        for text in (_WITHOUT_INDEX[name] if name in without_index else clause)(statement, value)
    ]
