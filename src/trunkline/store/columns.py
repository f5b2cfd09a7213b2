"""The columns of a call, each defined once: its type, how it is read, and how totals count it.

Every statement that writes, copies, deletes, recounts or filters calls is built from this list, so that a
new column needs a line here and a migration, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any

from msgspec import Struct

from trunkline.kit.transcript import is_engaged
from trunkline.kit.vocabulary import effective_word
from trunkline.kit.wire import phone_key
from trunkline.model.call import Call
from trunkline.model.ids import digest, uuid_of


class Count(Enum):
    """How totals count a column."""

    PERIOD = "period"
    """The instant by whose hour, day, month and year nearly all totals are counted."""
    INSTANT = "instant"
    """A list may be ordered by it: totals are counted by it, or by creation for calls without a value."""
    DURATION = "duration"
    """The same, for milliseconds."""
    REFERENCE = "reference"
    """An agent or a campaign, counted together with the outcome."""
    OUTCOME = "outcome"
    """One of the words that are counted in every combination with each other."""
    OWN_WORD = "own word"
    """The vendor's own word for the part of the outcome before it."""
    WORD = "word"
    """A word, or true and false, that is counted alone."""
    NUMBER = "number"
    """A phone number, which is counted once many calls have it."""


class Column(Struct, frozen=True):
    """One column of the table of calls."""

    name: str
    sql_type: str
    read: Callable[[Call], Any]
    """Its value, from the whole call."""
    count: Count | None = None
    fixed: bool = False
    """Whether it never changes after the first write."""


def _word(read: Callable[[Call], Any]) -> Callable[[Call], str | None]:
    """The word behind an optional member of an enumeration."""

    def word(call: Call) -> str | None:
        member = read(call)
        return None if member is None else member.value

    return word


def _own_word(name: str) -> Callable[[Call], str | None]:
    return lambda call: effective_word(name, getattr(call, name), call.vendor_words)


def _within(part: str, field: str) -> Callable[[Call], Any]:
    """A field of an object that a call may lack."""

    def value(call: Call) -> Any:
        found = getattr(call, part)
        return None if found is None else getattr(found, field)

    return value


_uuid_of = lru_cache(maxsize=65536)(uuid_of)


def _reference(part: str) -> Callable[[Call], str | None]:
    """The UUID form of an id, by which calls are looked up and counted."""

    def reference(call: Call) -> str | None:
        found = getattr(call, part)
        return None if found is None or found.id is None else _uuid_of(found.id)

    return reference


def _number(read: Callable[[Call], str | None]) -> Callable[[Call], str | None]:
    def number(call: Call) -> str | None:
        text = read(call)
        return None if text is None else phone_key(text)

    return number


COLUMNS = (
    Column("id", "uuid", attrgetter("id"), fixed=True),
    Column("digest", "uuid", lambda call: digest(call.id).hex, fixed=True),
    Column("vendor", "text", attrgetter("vendor"), Count.WORD, fixed=True),
    Column("vendor_call_id", "text", attrgetter("vendor_call_id"), fixed=True),
    Column("created_at", "timestamptz", attrgetter("created_at"), Count.PERIOD),
    Column("started_at", "timestamptz", attrgetter("started_at"), Count.INSTANT),
    Column("ended_at", "timestamptz", attrgetter("ended_at"), Count.INSTANT),
    Column("duration_ms", "bigint", attrgetter("duration_ms"), Count.DURATION),
    Column("status", "text", attrgetter("status.value"), Count.OUTCOME),
    Column("status_word", "text", _own_word("status"), Count.OWN_WORD),
    Column("result", "text", _word(attrgetter("result")), Count.OUTCOME),
    Column("result_word", "text", _own_word("result"), Count.OWN_WORD),
    Column("direction", "text", attrgetter("direction.value"), Count.OUTCOME),
    Column("channel", "text", attrgetter("channel.value"), Count.WORD),
    Column("end_reason", "text", _word(attrgetter("end_reason")), Count.WORD),
    Column("sentiment", "text", _word(_within("analysis", "sentiment")), Count.WORD),
    Column("success", "boolean", _within("analysis", "success"), Count.WORD),
    Column("voicemail", "boolean", _within("analysis", "voicemail"), Count.WORD),
    Column("engaged", "boolean", is_engaged, Count.WORD),
    Column("agent_id", "text", _within("agent", "id")),
    Column("agent_ref", "uuid", _reference("agent"), Count.REFERENCE),
    Column("campaign_id", "text", _within("campaign", "id")),
    Column("campaign_ref", "uuid", _reference("campaign"), Count.REFERENCE),
    Column("from_number", "text", _number(attrgetter("from_number")), Count.NUMBER),
    Column("to_number", "text", _number(attrgetter("to_number")), Count.NUMBER),
    Column("contact_number", "text", _number(_within("contact", "phone_number")), Count.NUMBER),
)
"""The columns that are read from a call, in the order in which statements take them."""

STATE_COLUMNS = (
    ("revision", "integer"),
    ("versions", "text"),
    ("body", "text"),
    ("change", "bigint"),
    ("has_unstored_facts", "boolean"),
)
"""The other columns of a call's row: its sequence and state, and the call itself. They follow those above."""

BY_NAME = {column.name: column for column in COLUMNS}
NAMES = (*BY_NAME, *(name for name, _ in STATE_COLUMNS))
"""Every column but the org's."""

COUNTED = tuple(column for column in COLUMNS if column.count is not None)
"""The columns that totals are counted by, in the order of `delta`."""

NUMBER_FILTERS = {
    "from_number": ("from_number",),
    "to_number": ("to_number",),
    "phone": ("from_number", "contact_number"),
    "any_number": ("from_number", "to_number", "contact_number"),
}
"""The columns in which each filter for a phone number searches."""

_read = tuple(column.read for column in COLUMNS)


def values_of(call: Call) -> tuple[Any, ...]:
    """The values of `COLUMNS` for a call."""
    return tuple([read(call) for read in _read])


def counted(*counts: Count) -> tuple[Column, ...]:
    """The columns that are counted in one of some ways."""
    return tuple(column for column in COLUMNS if column.count in counts)


# -- as SQL ---------------------------------------------------------------

_TRANSCRIPT = (("transcript", "bytea"), ("search", "text"))
"""Parameters of the write statement besides columns: the transcript, which has a table of its own."""

_SETS = {"has_unstored_facts": "has_unstored_facts = c.has_unstored_facts OR excluded.has_unstored_facts"}
"""Columns that combine the stored and the new value when an existing call is written."""


def listed(names: tuple[str, ...], form: str = "{}") -> str:
    """Names as SQL lists them, each in some form."""
    return ", ".join(form.format(name) for name in names)


def _arrays(types: list[str]) -> str:
    return ", ".join(f"${number}::{one}[]" for number, one in enumerate(types, start=2))


_COUNTED_NAMES = tuple(column.name for column in COUNTED)

FRAGMENTS = {
    # The write statement's parameters: one with a name for each column, and those of the transcript.
    "arrays": _arrays(
        [
            *(column.sql_type for column in COLUMNS),
            *(sql_type for _, sql_type in (*STATE_COLUMNS, *_TRANSCRIPT)),
        ]
    ),
    "incoming": listed((*NAMES, *(name for name, _ in _TRANSCRIPT))),
    "columns": listed(NAMES),
    "replaced": ", ".join(
        _SETS.get(name, f"{name} = excluded.{name}")
        for name in NAMES
        if name not in BY_NAME or not BY_NAME[name].fixed
    ),
    # The columns that totals are counted by, as they are and as they were.
    "counted": listed(_COUNTED_NAMES),
    "counted_arrays": _arrays([column.sql_type for column in COUNTED]),
    "new_counted": listed(_COUNTED_NAMES, "new.{0}"),
    "old_counted": listed(_COUNTED_NAMES, "old.{0} AS old_{0}"),
    "former": listed(_COUNTED_NAMES, "old_{0}"),
}
"""What replaces the braces in statements about columns."""

_FILLED = tuple(column.name for column in COLUMNS if not column.fixed)

UPGRADE = {
    "assigned": listed(_FILLED, "{0} = i.{0}"),
    "arrays": _arrays([*(column.sql_type for column in COLUMNS), "integer"]),
    "names": listed((*BY_NAME, "revision")),
    "stored": listed(_FILLED, "c.{0}"),
    "read": listed(_FILLED, "i.{0}"),
}
"""What replaces the braces in the statement that fills new columns of stored calls."""
