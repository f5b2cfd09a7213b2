"""A cache of printed rows, so that the next list need not print the same calls again.

A row is cached with the stored JSON of its call, and is used only while that is the same: a changed call has
other JSON. No row can be out of date, whichever server changed the call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.encoded_call import EncodedCall

_ID = slice(len('{"id":"') + 36)
"""How much of a stored summary identifies its call; the rest is compared."""

_ENTRY_BYTES = 500
"""About how many bytes a cached row takes besides its texts."""

_MAX_DROPPED = 10_000
"""Deleted calls that are remembered; far more than are deleted while one page is printed."""

_SMALLEST_SHARE = 16
"""A row that takes more than this part of the room is not cached."""


class PrintedRow(Struct, frozen=True, gc=False):
    """A row as it is sent."""

    call: EncodedCall
    """The id of its call."""
    json: bytes
    fact: Any = None
    """The parts of the call that the envelope needs."""


class RowCache:
    """The rows that were printed last, within a number of bytes.

    There are two generations. When the young one fills half the room it becomes the old one, and the rows of
    the former old one that were not used since are dropped: a lookup then changes nothing, which makes it
    cheap.

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
        """The row of each call; `form` is everything besides the call that decides its printed form."""
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
        """Drop the rows of a deleted call; their room is free once the generations have changed."""
        named = f'{{"id":"{call_id}'
        with self._lock:
            self._dropped[hash(named)] = None
            if len(self._dropped) > _MAX_DROPPED:
                del self._dropped[next(iter(self._dropped))]
            for age in (self._young, self._old):
                for rows in age.values():
                    rows.pop(named, None)
