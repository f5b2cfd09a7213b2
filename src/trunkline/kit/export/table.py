"""CSV: one row a call, flat columns named by their path, after RFC 4180.

Spreadsheets read a cell that begins with `=`, `+`, `-` or `@` as a formula, and what a caller says or is
called ends up in cells. So a text that begins like one gets an apostrophe before it, phone numbers
included; numbers, flags, instants and JSON are ours and stay as they are. Apostrophes, blanks and what does
not print at the front do not hide such a text, which also means that nothing is lost: take one apostrophe
off every cell that begins with one and that the same rule would give one to.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct, defstruct

from trunkline.kit.export.shape import Shape, in_zone
from trunkline.model.call import TRANSCRIPT_FIELDS, Call
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.model.encoded_call import EncodedCall, with_verbatim
from trunkline.model.words import Role

_RISKY = re.compile(
    r"[\s'\x00-\x1f\x7f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[=+\-@\t\r\n＝＋－＠]"
)
_SPECIAL = re.compile(r'[",\r\n]')
_SPEAKERS = {Role.AGENT.value: "Agent", Role.USER.value: "User"}


def guarded(text: str) -> str:
    """A text that no spreadsheet reads as a formula.

    A NUL, which many readers of CSV stop at, becomes the replacement character.

    >>> guarded("=1+1"), guarded("+12025550100"), guarded("'=1"), guarded("O'Neil"), guarded("-")
    ("'=1+1", "'+12025550100", "''=1", "O'Neil", "'-")
    """
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text[:1].isalnum():  # which most texts begin with, and which is quicker to find out
        return text
    return f"'{text}" if _RISKY.match(text) else text


class Column(NamedTuple):
    """One column: its name, the field that it is about, and how its value is read from a call."""

    name: str
    field: str
    path: str


class Table:
    """Writes calls as rows; words, which have times of their own, do not fit in a row."""

    def __init__(self, shape: Shape) -> None:
        self._columns = [column for column in COLUMNS if column.field not in shape.absent]
        self._mark = "\ufeff" if shape.bom else ""
        self._read = _READERS[shape.zone is not None]
        self._values = attrgetter(*(column.path for column in self._columns))
        self._cell: dict[type, Callable[[Any], str]] = {
            str: _text_cell,
            int: str,
            bool: {True: "true", False: "false"}.__getitem__,
            Decimal: "{:f}".format,
            Raw: _json,
            datetime: partial(_instant, zone=shape.zone),
            list: _transcript,
        }

    def begin(self) -> bytes:
        """The names of the columns."""
        return f"{self._mark}{','.join(column.name for column in self._columns)}\r\n".encode()

    def rows(self, calls: Sequence[EncodedCall]) -> bytes:
        """A row for each call."""
        return "".join([self._row(call) for call in calls]).encode()

    def end(self) -> bytes:
        """Nothing comes after the last row."""
        return b""

    def _row(self, call: EncodedCall) -> str:
        record: Any = self._read(call.summary)
        transcript = call.transcript_json
        if transcript is not None:
            heavy: Any = _read_heavy(transcript)
            for name in TRANSCRIPT_FIELDS:
                setattr(record, name, getattr(heavy, name))
            if heavy.verbatim is not None:
                record.verbatim = with_verbatim(record.verbatim, heavy.verbatim)
        for name, empty in _EMPTY.items():
            if getattr(record, name) is None:
                setattr(record, name, empty)
        cell = self._cell
        cells = [
            "" if value is None or value is UNSET else cell[type(value)](value)
            for value in self._values(record)
        ]
        return f"{','.join(cells)}\r\n"


# -- cells ----------------------------------------------------------------


def _quoted(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _text_cell(text: str) -> str:
    return _quoted(guarded(text))


def _json(value: Raw) -> str:
    text = bytes(value)
    if text == b"null":
        return ""
    doubled = text.decode().replace('"', '""')
    return f'"{doubled}"'


def _instant(value: datetime, zone: tzinfo | None) -> str:
    return in_zone(value, zone).isoformat().replace("+00:00", "Z")


def _transcript(turns: list[Any]) -> str:
    return _text_cell("\n".join([f"{_SPEAKERS[turn.role]}: {turn.text}" for turn in turns]))


# -- columns --------------------------------------------------------------


def _columns() -> list[Column]:
    columns: list[Column] = []
    for field, hint in get_type_hints(Call).items():
        record = _record_in(hint)
        if record is not None:
            paths = [f"{field}.{part}" for part in record.__struct_fields__]
            columns += [Column(path, field, path) for path in paths]
        else:
            columns.append(Column("transcript" if field == "turns" else field, field, field))
    return columns


def _arms(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _record_in(hint: Any) -> type[Struct] | None:
    records = (arm for arm in _arms(hint) if isinstance(arm, type) and issubclass(arm, Struct))
    return next(records, None)


COLUMNS = tuple(_columns())
"""Every column, in the order of a call's fields."""

# -- records --------------------------------------------------------------


def _cells_of(record: type[Struct], *, with_instants: bool) -> type[Struct]:
    """A record whose fields are read as cells: texts as texts, records within, and the rest as JSON."""
    fields: list[tuple[str, Any, Any]] = []
    for name, hint in get_type_hints(record).items():
        arms, inner = _arms(hint), _record_in(hint)
        if name in TRANSCRIPT_FIELDS:
            fields.append((name, Any, None))
        elif inner is not None:
            fields.append((name, _cells_of(inner, with_instants=with_instants) | None, None))
        elif datetime in arms:
            fields.append((name, (datetime if with_instants else str) | None, None))
        elif any(isinstance(arm, type) and issubclass(arm, str | StrEnum) for arm in arms):
            fields.append((name, str | None, None))
        elif arms[0] in (bool, int, Decimal):
            fields.append((name, arms[0] | None, None))
        else:
            fields.append((name, Raw, Raw(b"null")))
    return defstruct(f"{record.__name__}Cells", fields, gc=False)


class _TurnCells(Struct, gc=False):
    role: str
    text: str


class _Heavy(Struct, gc=False):
    turns: list[_TurnCells] | None = None
    tool_calls: Raw = Raw(b"null")
    transcript_text: str | None = None
    events: Raw = Raw(b"null")
    verbatim: dict[str, Raw] | None = None


_EMPTY = {
    field: msgspec.json.decode(b"{}", type=_cells_of(record, with_instants=False))
    for field, hint in get_type_hints(Call).items()
    if (record := _record_in(hint)) is not None
}
_READERS = [
    msgspec.json.Decoder(_cells_of(Call, with_instants=with_instants)).decode
    for with_instants in (False, True)
]
_read_heavy = ChunkedDecoder(_Heavy).decode
