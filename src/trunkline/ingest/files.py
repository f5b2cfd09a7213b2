"""Files of calls: JSON Lines or one JSON document, plain or gzip, in our own form or any vendor's.

A line may hold one call or a whole saved answer. What cannot be read is named with its place and reason;
the rest goes in.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from trunkline.kit.dialect import Dialect
from trunkline.kit.payload import Unreadable
from trunkline.service.intake import Seen, encoded

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one line, or of a document that is not in lines, that are read at the most."""

_PEEK_LINES = 200
_BOM = b"\xef\xbb\xbf"


class Rejected(NamedTuple):
    """Something in a file that is not a call, and why."""

    file: str
    line: int
    item: int | None
    """The place within a line that holds several calls, from 0."""
    reason: str
    text: str


class Source(NamedTuple):
    """An open file: its lines, and how far the file on disk has been read."""

    lines: Iterator[tuple[int, bytes]]
    bytes_read: Callable[[], int]


def open_source(path: Path) -> Source:
    """Open a file of calls; gzip is known by its first bytes. Raises `OSError`."""
    raw = path.open("rb")
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
    return Source(_lines(stream), raw.tell)


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers; a document that is not in lines is one line."""
    with stream:
        peeked: list[bytes] = []
        while len(peeked) < _PEEK_LINES and (line := stream.readline(LONGEST_LINE + 1)):
            peeked.append(line)
            if _is_document(line):
                break
        if peeked:
            peeked[0] = peeked[0].removeprefix(_BOM)
        if len(peeked) > 1 and not _is_document(peeked[-1]):
            yield 1, b"".join(peeked) + stream.read(LONGEST_LINE)
            return
        number = 0
        for number, line in enumerate(peeked, 1):
            yield number, line
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            yield number, line


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line.removeprefix(_BOM)), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class Reader:
    """Reads calls from lines, in one dialect or in whichever recognises them."""

    def __init__(self, dialects: Mapping[str, Dialect], only: str | None = None) -> None:
        self._dialects = [dialects[only]] if only is not None else list(dialects.values())
        self._last: Dialect | None = None

    def read(self, file: str, number: int, line: bytes) -> Iterator[Seen | Rejected]:
        """Read one line: everything in it is either seen or rejected."""
        if not line.strip():
            return
        if len(line) > LONGEST_LINE:
            yield Rejected(file, number, None, f"longer than {LONGEST_LINE} bytes", _shown(line[:1000]))
            return
        try:
            document = msgspec.json.decode(line)
        except UnicodeDecodeError:
            yield Rejected(file, number, None, "not UTF-8", _shown(line))
            return
        except (msgspec.DecodeError, RecursionError) as error:
            yield Rejected(file, number, None, f"not JSON: {error}", _shown(line))
            return
        found = self._calls_in(document)
        if isinstance(found, str):
            yield Rejected(file, number, None, found, _shown(line))
            return
        dialect, items = found
        for index, item in enumerate(items):
            try:
                sighting = dialect.from_wire(item)
            except Unreadable as error:
                place = index if len(items) > 1 else None
                yield Rejected(file, number, place, str(error), _shown(encoded(item)))
            else:
                yield Seen(sighting, None if dialect.keeps_everything else encoded(item))

    def _calls_in(self, document: Any) -> tuple[Dialect, list[Any]] | str:
        if self._last is not None and (items := self._last.calls_in(document)) is not None:
            return self._last, items
        matching = [
            (dialect, items)
            for dialect in self._dialects
            if (items := dialect.calls_in(document)) is not None
        ]
        if not matching:
            asked = ", ".join(dialect.title for dialect in self._dialects)
            return f"no call or answer as {asked} has it"
        if len(matching) > 1 and any(items for _, items in matching):
            names = " or ".join(dialect.name for dialect, _ in matching)
            return f"may be {names}: say which with --dialect"
        self._last = matching[0][0] if matching[0][1] else None
        return matching[0]


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").rstrip("\r\n")
