"""Exact totals from running sums, and the period that contains an offset of a list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct, structs

from trunkline.model.ids import uuid_of
from trunkline.model.query import CallFilter, SortField, Span, Wording
from trunkline.model.totals import Difference
from trunkline.store.calls.filters import Statement, where
from trunkline.store.columns import BY_NAME, NUMBER_FILTERS
from trunkline.store.durations import bound_of, cover_of_durations
from trunkline.store.groupings import (
    BY_PARTS,
    NAMED,
    NO_REFERENCE,
    OF_VALUE,
    OUTCOME_POSITIONS,
    SINGLE_WORDS,
    UNITS,
    WITHOUT_VALUE,
    Grouping,
    Parts,
)
from trunkline.store.queries import queries
from trunkline.store.totals.periods import TICK, Level, cover


class TotalsKey(Struct, frozen=True):
    """The running sums that answer a filter, whatever range of instants it has."""

    grouping: Grouping
    finest: Level
    agents: tuple[UUID, ...] = (NO_REFERENCE,)
    campaigns: tuple[UUID, ...] = (NO_REFERENCE,)
    values: tuple[str, ...] = ("",)
    words: tuple[tuple[str, Wording], ...] = ()
    field: str = "created_at"
    """The field that the periods divide, and whose range the sums can answer."""

    def keys(self) -> tuple[Any, ...]:
        """The values that narrow the rows of the totals, as parameters of the fragments."""
        return (int(self.grouping), list(self.agents), list(self.campaigns), list(self.values))


EVERYTHING = TotalsKey(Grouping.EVERYTHING, Level.HOUR)

BY_VALUE: dict[SortField, TotalsKey] = {
    field: TotalsKey(
        grouping, Level.MINUTE if field is SortField.DURATION_MS else Level.HOUR, field=field.value
    )
    for field, grouping in OF_VALUE.items()
}
"""Calls that have a value, by that value."""


def totals_key_of(call_filter: CallFilter) -> TotalsKey | None:
    """The running sums for a filter; `None` if there are none for it."""
    given = {
        name: value
        for name in CallFilter.__struct_fields__
        if name != "created_at" and (value := getattr(call_filter, name)) is not None
    }
    if len(given) == 1 and (name := next(iter(given))) in SINGLE_WORDS:
        return TotalsKey(
            Grouping.WORD, Level.DAY, values=tuple(f"{name}:{word}" for word in _words(given[name]))
        )
    if len(given) == 1 and name in BY_VALUE and call_filter.created_at is None:
        return BY_VALUE[SortField(name)]
    agents = _refs(given.pop("agent_id", None), given.pop("agent_ref", None))
    campaigns = _refs(given.pop("campaign_id", None), given.pop("campaign_ref", None))
    if given.keys() - OUTCOME_POSITIONS.keys():
        return None
    words = tuple(given.items())
    if agents is None and campaigns is None:
        return TotalsKey(BY_PARTS[Parts(outcome=bool(words))], Level.HOUR, words=words)
    parts = Parts(outcome=True, agent=agents is not None, campaign=campaigns is not None)
    return TotalsKey(
        BY_PARTS[parts],
        Level.DAY,
        (NO_REFERENCE,) if agents is None else agents,
        (NO_REFERENCE,) if campaigns is None else campaigns,
        words=words,
    )


def _words(wanted: Any) -> list[str]:
    if isinstance(wanted, Wording):
        return sorted(wanted.values)
    if isinstance(wanted, bool):
        return ["true" if wanted else "false"]
    return sorted(wanted)


def _refs(ids: frozenset[str] | None, ref: str | None) -> tuple[UUID, ...] | None:
    if ids is not None and ref is not None:
        ids &= {ref}
    elif ids is None:
        return None if ref is None else (UUID(ref),)
    return tuple(UUID(uuid_of(one)) for one in sorted(ids))


def total_of(statement: Statement, cell: TotalsKey, call_filter: CallFilter) -> str:
    """SQL for the exact number of matches of a filter that has running sums."""
    return sum_of(statement, cell, getattr(call_filter, cell.field), call_filter)


def sum_of(statement: Statement, cell: TotalsKey, span: Span | None, call_filter: CallFilter) -> str:
    """SQL for the exact number of matches in a range: whole periods summed, edges counted.

    The range is the span; the filter's own range of the field is ignored.
    """
    ends = (span.low, span.high) if span else (None, None)
    of_durations = cell.field == "duration_ms"
    covered = cover_of_durations(*ends) if of_durations else cover(ends[0], ends[1], cell.finest)
    terms = []
    if covered.segments:
        levels, firsts, lasts = (list(side) for side in zip(*covered.segments, strict=True))
        args = ([int(level) for level in levels], firsts, lasts, *cell.keys())
        terms.append(statement.add("totals.periods", *args, outcome=_outcome(statement, cell)))
    if covered.edges:
        sides = ([edge[side] for edge in covered.edges] for side in (0, 1))
        conditions = where(statement, structs.replace(call_filter, **{cell.field: None}))
        also = "".join(f" AND {condition}" for condition in conditions)
        fragment = "totals.edges_of_numbers" if of_durations else "totals.edges"
        terms.append(statement.add(fragment, *sides, column=f"c.{cell.field}", where=also))
    return " + ".join(terms) or "0::bigint"


def totals_key_of_number(call_filter: CallFilter) -> tuple[str, TotalsKey] | None:
    """A phone number that is the only filter besides a range of creation, and its running sums, if any."""
    name = next((name for name in NUMBER_FILTERS if getattr(call_filter, name) is not None), None)
    if name is None:
        return None
    number: str = getattr(call_filter, name)
    alone = structs.replace(CallFilter(created_at=call_filter.created_at), **{name: number})
    if call_filter != alone:
        return None
    return number, TotalsKey(Grouping.WORD, Level.DAY, values=(f"{name}:{number}",))


class Seek(Struct, frozen=True):
    """SQL that finds the period that contains an offset."""

    ctes: list[str]
    period: str
    """The name under which the statement knows the period."""
    bound: str
    """The condition that leaves out the calls before the period."""
    skipped: str
    """The name under which the statement knows the offset."""


def seek(statement: Statement, cell: TotalsKey, *, skip: int, before_range: str, newest_first: bool) -> Seek:
    """SQL that goes from years down to the period that contains an offset.

    `skip` rows are to be skipped, after those that are `before` the requested range.
    """
    offset = statement.add("totals.skipped", skip, beyond=before_range)
    return _seek(statement, cell, offset, "skipped", "the", newest_first=newest_first)


def seek_without_value(statement: Statement, by: SortField, *, with_value: str, newest_first: bool) -> Seek:
    """SQL that continues where `seek` by a value reached the end, among the calls without a value."""
    offset = statement.add("totals.skipped_without_value", with_value=with_value)
    name = "skipped_without"
    cell = TotalsKey(WITHOUT_VALUE[by], Level.HOUR)
    return _seek(statement, cell, offset, name, "without", newest_first=newest_first)


def _seek(
    statement: Statement, cell: TotalsKey, position: str, skipped: str, prefix: str, *, newest_first: bool
) -> Seek:
    direction = "DESC" if newest_first else "ASC"
    ctes = [position]
    parent: Level | None = None
    for level in sorted((level for level in Level if level >= cell.finest), reverse=True):
        within = above = ""
        if parent is not None:
            names = {"parent": f"{prefix}_{UNITS[parent]}"}
            within = " " + statement.add("totals.within", unit=UNITS[parent], **names)
            above = statement.add("totals.above", **names)
        outcome = _outcome(statement, cell)
        ctes.append(
            statement.add(
                "totals.step",
                *cell.keys(),
                int(level),
                name=f"{prefix}_{UNITS[level]}",
                above=above or "0",
                direction=direction,
                within=within,
                outcome=outcome,
                skipped=skipped,
            )
        )
        parent = level
    period = f"{prefix}_{UNITS[cell.finest]}"
    if cell.field == "duration_ms":
        bound = bound_of(statement, period, newest_first=newest_first)
    elif newest_first:
        names = {"period": period, "column": f"c.{cell.field}", "unit": UNITS[cell.finest]}
        bound = statement.add("list_query.before_end_of_period", **names)
    else:
        bound = statement.add("list_query.from_start_of_period", period=period, column=f"c.{cell.field}")
    return Seek(ctes, period, bound, skipped)


def _outcome(statement: Statement, cell: TotalsKey) -> str:
    return "".join(" AND " + _part(statement, name, wording) for name, wording in cell.words)


def _part(statement: Statement, name: str, wording: Wording) -> str:
    position, values = str(OUTCOME_POSITIONS[name]), sorted(wording.values)
    if wording.vendor is None or f"{name}_word" not in BY_NAME:
        return statement.add("totals.part", values, position=position)
    prefix = f"{wording.vendor}:"
    words = [prefix + word for word in sorted(wording.words)]
    return statement.add(
        "totals.part_with_word", values, prefix, words, position=position, word=str(int(position) + 1)
    )


def before_range(span: Span | None, *, newest_first: bool) -> Span | None:
    """The calls before a range in the order of a list; `None` if there are none."""
    if span is None:
        return None
    if newest_first:
        return None if span.high is None else Span(low=span.high + TICK)
    return None if span.low is None else Span(high=span.low - TICK)


async def differences(pool: asyncpg.Pool, org_id: int) -> list[Difference]:
    """Recount an org's calls and list every running sum that differs."""
    rows = await pool.fetch(_whole("differences"), org_id, timeout=None)
    return [
        Difference(
            grouping=Grouping(row["grouping"]).name.lower(),
            level=UNITS[Level(row["level"])],
            period=row["period"],
            agent=None if row["agent"] == NO_REFERENCE else str(row["agent"]),
            campaign=None if row["campaign"] == NO_REFERENCE else str(row["campaign"]),
            value=row["value"],
            outcome=row["outcome"].replace(chr(31), "/"),
            stored=row["stored"],
            counted=row["counted"],
        )
        for row in rows
    ]


async def mend(pool: asyncpg.Pool | asyncpg.Connection, org_id: int) -> int:
    """Correct an org's running sums while others write; returns how many differed."""
    status: str = await pool.execute(_whole("mend"), org_id, timeout=None)
    await pool.execute(queries("totals")["drop_empty"], org_id, timeout=None)
    return int(status.rpartition(" ")[2])


def cells(only: str = "") -> str:
    """SQL for the changes that `delta` makes to the totals; `only` restricts the phone numbers."""
    return queries("totals")["cells"].format(**NAMED, numbers=numbers(only))


def numbers(only: str) -> str:
    """Its part for phone numbers."""
    return queries("totals")["numbers"].format(**NAMED, only=only)


def _whole(name: str) -> str:
    named = queries("totals")
    recount = named["recount"].format(**NAMED)
    return named[name].format(recount=recount, cells=cells("AND s.counted"))
