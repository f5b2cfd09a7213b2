"""Rows of lists as they were printed, kept so that the next list need not print the same calls again.

What is kept goes with the stored texts of its call, and is used only while these are the same: a call that
was changed has other texts. No row can be out of date, whoever changed the call and by which server.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.encoded_call import EncodedCall

_ID = slice(len('{"id":"') + 36)
"""How much of a stored summary tells which call it is; the rest is compared."""

_ENTRY_BYTES = 500
"""What a kept row takes besides its texts, about."""

_SMALLEST_SHARE = 16
"""A row that takes more than such a part of the room is not kept."""


class PrintedRow(Struct, frozen=True, gc=False):
    """A row as it is sent."""

    call: EncodedCall
    """The call that it is of."""
    json: bytes
    fact: Any = None
    """What the envelope has to know of the call."""


class RowCache:
    """The rows that were printed last, within so many bytes.

    They are of two ages. When the young ones fill half the room they become the old ones, and what was old
    and was not asked for since is forgotten: to find a row then changes nothing, which makes it cheap.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._young: dict[Hashable, dict[str, PrintedRow]] = {}
        self._old: dict[Hashable, dict[str, PrintedRow]] = {}
        self._young_bytes = 0

    def rows(
        self, form: Hashable, calls: Sequence[EncodedCall], print_row: Callable[[EncodedCall], PrintedRow]
    ) -> list[PrintedRow]:
        """The row of each call; `form` is whatever besides the call decides what `print_row` makes of it."""
        young, old = self._young.setdefault(form, {}), self._old.get(form, {})
        room = self._max_bytes // 2 - self._young_bytes
        rows = []
        for call in calls:
            call_id = call.summary[_ID]
            row = young.get(call_id)
            if row is None or row.call != call:
                row = old.get(call_id)
                if row is None or row.call != call:
                    row = print_row(call)
                size = _ENTRY_BYTES + len(call.summary) + len(call.transcript or b"") + len(row.json)
                if size <= self._max_bytes // _SMALLEST_SHARE:
                    room -= size
                    if room >= 0:
                        young[call_id] = row
            rows.append(row)
        self._young_bytes = self._max_bytes // 2 - room
        if room < 0:
            self._young, self._old, self._young_bytes = {}, self._young, 0
        return rows

    def drop(self, call_id: str) -> None:
        """Forget the rows of a call that was deleted; the room they took is free once the rows have aged."""
        for age in (self._young, self._old):
            for rows in age.values():
                rows.pop(f'{{"id":"{call_id}', None)
