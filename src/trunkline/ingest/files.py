"""Files of calls: JSON Lines, or JSON documents over several lines, compressed or not.

A line may contain one call or a whole saved answer. What cannot be read is reported with its position and
reason; the rest is imported. `file_reader.py` finds the calls in a line.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import zstandard

from trunkline.ingest.decompression import unpacked
from trunkline.kit.json_reader import read_json
from trunkline.kit.payload import Unreadable
from trunkline.model.field_problems import FieldProblems
from trunkline.service.received import Received

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Bytes of one line, or of a document over several lines, that are read at the most."""

_BUFFER = 1024 * 1024
"""Bytes that are read of a file at a time; a line is often longer than the usual few thousand."""
_BOM = b"\xef\xbb\xbf"
_SHOWN = 1000
"""Bytes that are shown of a line that is too long."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')


class Entry(NamedTuple):
    """A line, or a document over several lines: its content, or what is wrong with it."""

    line: int
    """The number of its first line, from 1."""
    text: bytes
    document: Any = None
    problem: str | None = None
    received: Received | None = None
    """The one call in it, if it is read already."""
    problems: FieldProblems | None = None
    """What had to be put right to read it as JSON."""
    is_whole: bool = True
    """Whether `text` is all of it."""


class Source:
    """An open file of calls; a compressed one is recognised by its first bytes. Opening raises `OSError`."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._raw = io.BufferedReader(io.FileIO(path), _BUFFER)
        self._stream: IO[bytes] = unpacked(self._raw)

    def __enter__(self) -> Source:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    def bytes_read(self) -> int:
        """How far the file on disk has been read; 0 for what is not one, such as a pipe."""
        return self._raw.tell() if self._raw.seekable() else 0

    def entries(self, quickly: Callable[[bytes], Received | None] = lambda _: None) -> Iterator[Entry]:
        """Everything in the file, in order; lines that can be read quickly are."""
        lines = _lines(self._stream)
        for line in lines:
            if line.problem is None and (received := quickly(line.text)) is not None:
                yield Entry(line.line, line.text, received=received)
                continue
            entry = decoded(line)
            if entry.problem is None or line.problem is not None or (opened := _opened(line.text)) <= 0:
                yield entry
            else:
                yield from _stretched(line, opened, lines)


def _lines(stream: IO[bytes]) -> Iterator[Entry]:
    """The lines that are not empty, as far as the file can be read."""
    number = 0
    try:
        while text := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(text) > MAX_LINE_BYTES:
                yield _too_long(number, text)
                while text and not text.endswith(b"\n"):
                    text = stream.readline(MAX_LINE_BYTES)
            elif text := text.removeprefix(_BOM).strip():  # files that were joined have one in the middle
                yield Entry(number, text)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        yield Entry(number + 1, b"", problem=f"the file cannot be read on: {error}", is_whole=False)


def _stretched(first: Entry, opened: int, lines: Iterator[Entry]) -> Iterator[Entry]:
    """The document that begins on a line and ends on a later one; if there is none, the lines by themselves.

    Brackets show where a document ends. A broken line may leave one open, and then the lines that follow are
    documents of their own.
    """
    collected, size, last = [first], len(first.text), None
    for line in lines:
        if line.problem is not None:
            last = line
            break
        collected.append(line)
        size, opened = size + len(line.text), opened + _opened(line.text)
        if opened <= 0 or size > MAX_LINE_BYTES:
            break
    whole = decoded(Entry(first.line, b"\n".join(line.text for line in collected)))
    if whole.problem is not None and any(decoded(line).problem is None for line in collected):
        yield from map(decoded, collected)
    elif size > MAX_LINE_BYTES:
        yield _too_long(first.line, whole.text)
        _skip(lines, opened)
    else:
        yield whole
    if last is not None:
        yield last


def _skip(lines: Iterator[Entry], opened: int) -> None:
    while opened > 0 and (line := next(lines, None)) is not None:
        opened += _opened(line.text)


def _opened(line: bytes) -> int:
    """How many brackets a line opens beyond those it closes; 0 if a text in it does not end."""
    rest = _STRING.sub(b"", line)
    if b'"' in rest:
        return 0
    return rest.count(b"{") + rest.count(b"[") - rest.count(b"}") - rest.count(b"]")


def _too_long(number: int, text: bytes) -> Entry:
    return Entry(number, text[:_SHOWN], problem=f"longer than {MAX_LINE_BYTES} bytes", is_whole=False)


def decoded(entry: Entry) -> Entry:
    """An entry with its content, or with why it has none."""
    if entry.problem is not None:
        return entry
    problems: FieldProblems = {}
    try:
        if not entry.text.isascii():
            entry.text.decode()  # a file can be saved again in UTF-8, which loses nothing
        return entry._replace(document=read_json(entry.text, problems), problems=problems)
    except UnicodeDecodeError:
        return entry._replace(problem="not UTF-8")
    except Unreadable as error:
        return entry._replace(problem=_why_not_json(entry.text, error.reason))


def _why_not_json(text: bytes, reason: str) -> str:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        reason = str(error).removeprefix("JSON is malformed: ").partition(" - at ")[0]
        return f"not JSON: {reason[:1].lower()}{reason[1:]}"
    except RecursionError:
        pass
    return reason.removeprefix("is ")
