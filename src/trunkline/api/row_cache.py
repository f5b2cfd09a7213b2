"""Rows of lists as they were printed, kept so that the next list need not print the same calls again.

What is kept goes with the stored texts of its call, and is used only while these are the same: a call that
was changed has other texts. No row can be out of date, whoever changed the call and by which server.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from trunkline.model.call import Call
from trunkline.store.calls.reads import EncodedCalls

_encode = msgspec.json.Encoder(decimal_format="number").encode

_ID = slice(len('{"id":"') + 36)
"""How much of a stored body tells which call it is; the rest is compared."""

_ENTRY_BYTES = 500
"""What a kept row takes besides its texts, about."""

_SMALLEST_SHARE = 16
"""A row that takes more than such a part of the room is not kept."""

Form = tuple[Callable[..., Any], str, tuple[Hashable, ...]]
"""What besides the call decides how a row is printed: the dialect's function, the org, and what was asked."""


class _CachedRow(NamedTuple):
    body: str
    transcript: bytes | None
    row: Raw


class RowCache:
    """The rows that were printed last, within so many bytes.

    They are of two ages. When the young ones fill half the room they become the old ones, and what was old
    and was not asked for since is forgotten: to find a row then changes nothing, which makes it cheap.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._young: dict[Form, dict[str, _CachedRow]] = {}
        self._old: dict[Form, dict[str, _CachedRow]] = {}
        self._young_bytes = 0

    def rows(
        self, calls: Sequence[Call], write: Callable[..., Any], org: str, options: tuple[Hashable, ...]
    ) -> list[Any]:
        """What `write` makes of each call, as JSON where the calls are in their stored form."""
        if not isinstance(calls, EncodedCalls):
            return [write(call, org, *options) for call in calls]
        form = write, org, (calls.edition, *options)
        young, old = self._young.setdefault(form, {}), self._old.get(form, {})
        room = self._max_bytes // 2 - self._young_bytes
        rows = []
        for part in calls.encoded:
            body, transcript = part
            call_id = body[_ID]
            kept = young.get(call_id)
            if kept is None or kept[0] != body or kept[1] != transcript:
                kept = old.get(call_id)
                if kept is None or kept[0] != body or kept[1] != transcript:
                    kept = _CachedRow(body, transcript, Raw(_encode(write(calls.read(part), org, *options))))
                size = _ENTRY_BYTES + len(body) + len(transcript or b"") + len(kept.row)
                if size <= self._max_bytes // _SMALLEST_SHARE:
                    room -= size
                    if room >= 0:
                        young[call_id] = kept
            rows.append(kept[2])
        self._young_bytes = self._max_bytes // 2 - room
        if room < 0:
            self._young, self._old, self._young_bytes = {}, self._young, 0
        return rows
