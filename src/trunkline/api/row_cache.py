"""Rows of lists as they were printed, kept so that the next list need not print the same calls again.

What is kept goes with the stored texts of its call, and is used only while these are the same: a call that
was changed has other texts. No row can be out of date, whoever changed the call and by which server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.encoded_call import EncodedCall

_ID = slice(len('{"id":"') + 36)
"""How much of a stored summary tells which call it is; the rest is compared."""

_ENTRY_BYTES = 500
"""What a kept row takes besides its texts, about."""

_MAX_DROPPED = 10_000
"""Deleted calls that are remembered; far more than are deleted while one page is printed."""

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

    Large pages are printed in threads. What one of them printed is kept under a lock once all of it is there,
    but for calls that were deleted since its rows were read: a deleted call stays deleted, so that whoever
    printed it came too late.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._young: dict[Hashable, dict[str, PrintedRow]] = {}
        self._old: dict[Hashable, dict[str, PrintedRow]] = {}
        self._young_bytes = 0
        self._dropped: dict[int, None] = {}
        """Hashes of the calls that were deleted last: nothing of the calls themselves is to be left here."""
        self._lock = threading.Lock()

    def rows(
        self, form: Hashable, calls: Sequence[EncodedCall], print_row: Callable[[EncodedCall], PrintedRow]
    ) -> list[PrintedRow]:
        """The row of each call; `form` is whatever besides the call decides what `print_row` makes of it."""
        young, old = self._young.get(form, {}), self._old.get(form, {})
        rows = []
        fresh = []
        for call in calls:
            call_id = call.summary[_ID]
            row = young.get(call_id)
            if row is None or row.call != call:
                row = old.get(call_id)
                if row is None or row.call != call:
                    row = print_row(call)
                fresh.append((call_id, row))
            rows.append(row)
        if fresh:
            with self._lock:
                self._keep(form, fresh)
        return rows

    def _keep(self, form: Hashable, fresh: list[tuple[str, PrintedRow]]) -> None:
        young = self._young.setdefault(form, {})
        room = self._max_bytes // 2 - self._young_bytes
        for call_id, row in fresh:
            if hash(call_id) in self._dropped:
                continue
            call = row.call
            size = _ENTRY_BYTES + len(call.summary) + len(call.transcript or b"") + len(row.json)
            if size <= self._max_bytes // _SMALLEST_SHARE:
                room -= size
                if room >= 0:
                    young[call_id] = row
        self._young_bytes = self._max_bytes // 2 - room
        if room < 0:
            self._young, self._old, self._young_bytes = {}, self._young, 0

    def drop(self, call_id: str) -> None:
        """Forget the rows of a call that was deleted; the room they took is free once the rows have aged."""
        named = f'{{"id":"{call_id}'
        with self._lock:
            self._dropped[hash(named)] = None
            if len(self._dropped) > _MAX_DROPPED:
                del self._dropped[next(iter(self._dropped))]
            for age in (self._young, self._old):
                for rows in age.values():
                    rows.pop(named, None)
