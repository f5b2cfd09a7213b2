"""CSV: one row a call, flat columns named by their path, after RFC 4180.

Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and what a caller says or is
called ends up in cells. So a text that begins like one gets an apostrophe before it, phone numbers
included; numbers, flags and instants are ours and stay as they are. Apostrophes, blanks and what does not
print at the front do not hide such a text, which also means that nothing is lost: take one apostrophe off
every cell that begins with one and that the same rule would give one to.
"""

from __future__ import annotations

import csv
import io
import re
import types
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Struct

from trunkline.kit.export.shape import Shape, in_zone
from trunkline.kit.transcript import as_text
from trunkline.model.call import Call
from trunkline.model.pieces import Pieces

_RISKY = re.compile(r"[\s'\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]*[=+\-@\t\r\n＝＋－＠]")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    A NUL, which many readers of CSV stop at, becomes the replacement character.

    >>> guarded("=1+1"), guarded("+12025550100"), guarded("'=1"), guarded("O'Neil"), guarded("-")
    ("'=1+1", "'+12025550100", "''=1", "O'Neil", "'-")
    """
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return f"'{text}" if _RISKY.match(text) else text


class Column(NamedTuple):
    """One column: its name, the field that it is about, and how the value is got from a call."""

    name: str
    field: str
    value: Callable[[Call], Any]


class Table:
    """Writes calls as rows; words, which have times of their own, have no place in a row."""

    def __init__(self, shape: Shape) -> None:
        self._zone = shape.zone or UTC
        self._columns = [column for column in COLUMNS if column.field not in shape.absent]

    def begin(self) -> bytes:
        """The names of the columns."""
        return _text([[column.name for column in self._columns]])

    def rows(self, calls: Sequence[Pieces]) -> bytes:
        """A row for each call."""
        return _text([self._row(call.call()) for call in calls])

    def end(self) -> bytes:
        """Nothing stands after the last row."""
        return b""

    def _row(self, call: Call) -> list[str]:
        return [self._cell(column.value(call)) for column in self._columns]

    def _cell(self, value: Any) -> str:
        match value:
            case None | msgspec.UNSET:
                return ""
            case StrEnum():
                return value.value
            case str():
                return guarded(value)
            case bool():
                return "true" if value else "false"
            case int():
                return str(value)
            case Decimal():
                return format(value, "f")
            case datetime():
                return in_zone(value, self._zone).isoformat().replace("+00:00", "Z")
        return _encode(value).decode()


def _text(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


# -- columns --------------------------------------------------------------


def _columns() -> list[Column]:
    columns: list[Column] = []
    for name, hint in get_type_hints(Call).items():
        parts = _parts(hint)
        if name == "turns":
            columns.append(Column("transcript", name, _transcript))
        elif parts:
            columns += [Column(f"{name}.{part}", name, partial(_inner, name, part)) for part in parts]
        else:
            columns.append(Column(name, name, partial(_outer, name)))
    return columns


def _parts(hint: Any) -> tuple[str, ...]:
    """The fields of a field that is a record; none for any other."""
    arms = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for arm in arms:
        if isinstance(arm, type) and issubclass(arm, Struct):
            return arm.__struct_fields__
    return ()


def _outer(name: str, call: Call) -> Any:
    return getattr(call, name)


def _inner(name: str, part: str, call: Call) -> Any:
    record = getattr(call, name)
    return None if record is None or record is UNSET else getattr(record, part)


def _transcript(call: Call) -> str | None:
    return None if call.turns is UNSET else as_text(call)


COLUMNS = tuple(_columns())
"""Every column, in the order of a call's fields; a field that is a list or has free keys is JSON."""
