"""The printer: an operation's rows and the envelope around them, joined into an answer.

A page is a head, its rows separated by commas, and a tail, whether it is sent at once or while it is read.
Rows that were printed before are used again. Our links to recordings are filled in here, since they change
every day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, structs

from trunkline.api.row_cache import PrintedRow, RowCache
from trunkline.kit.dialect import Operation
from trunkline.kit.export import File
from trunkline.kit.rows import PageSummary, RowFormat, summary_of
from trunkline.model.call import Call
from trunkline.model.chunked_json import ChunkedEncoder
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.intents import CallPage, CallStream, Intent, ListCalls, Outcome
from trunkline.service.calls import Org
from trunkline.service.recordings import Links
from trunkline.service.threads import INLINE_BYTES, Run, run_in_thread

STEP_CALLS = 200
"""Rows that are printed before others are let in."""

MAX_WHOLE_CALLS = 100
"""Most calls of a page that is always printed as a whole."""

_encoder = ChunkedEncoder(decimal_format="number")
encode_json = _encoder.encode_short


def is_streamed(rows: RowFormat | None, intent: Intent) -> bool:
    """Whether a page may be too large to be printed as a whole, and can be printed while it is read."""
    return (
        isinstance(intent, ListCalls)
        and intent.with_transcript
        and intent.window.limit > MAX_WHOLE_CALLS
        and rows is not None
        and rows.fact is None
    )


class Printer:
    """Prints outcomes of any dialect's operations."""

    def __init__(self, links: Links, row_cache: RowCache | None = None) -> None:
        """Without a cache every row is printed again."""
        self._links = links
        self._row_cache = row_cache

    def json(
        self, operation: Operation, org: Org, outcome: Outcome, query: Any, *, is_long: bool = False
    ) -> bytes:
        """The JSON of a whole answer; raises `Refused` if the dialect refuses.

        One that `is_long` is to be printed in a thread, and is encoded in chunks.
        """
        if operation.rows is not None and isinstance(outcome, CallPage):
            return self._page(operation.rows, org, outcome, query)
        encode = _encoder.encode if is_long else encode_json
        return encode(operation.answer_of(self._links.with_links(org.id, outcome), query))

    async def json_chunks(
        self, rows: RowFormat, org: Org, stream: CallStream, query: Any, run: Run = run_in_thread
    ) -> AsyncGenerator[bytes, None]:
        """The JSON of a page in chunks, the same bytes as if it was printed as a whole.

        Its rows are not cached: they are many, and are seldom requested again.
        """
        print_row = self._row_printer(rows, org, rows.options_of(query))
        count, before, tail = 0, b"", b""
        async with aclosing(stream.chunks) as chunks:
            async for chunk in chunks:
                count += len(chunk.calls)
                page = PageSummary(
                    org=stream.org,
                    count=count,
                    total=chunk.total,
                    has_more=chunk.has_more,
                    last=chunk.calls[-1] if chunk.calls else None,
                )
                head, tail = _around(rows, page, query)
                if chunk.has_long:
                    printed = await run(_printed, print_row, chunk.calls)
                else:
                    printed = []
                    for start in range(0, len(chunk.calls), STEP_CALLS):
                        if start:
                            await asyncio.sleep(0)
                        printed += _printed(print_row, chunk.calls[start : start + STEP_CALLS])
                yield _joined(before or head, printed, b"")
                before = b","
        yield tail

    def drop(self, call_id: str) -> None:
        """Drop the rows of a deleted call."""
        if self._row_cache is not None:
            self._row_cache.drop(call_id)

    def file(self, operation: Operation, org: Org, stream: CallStream, query: Any) -> File:
        """The file that an operation makes of calls in chunks."""
        chunks = self._links.with_encoded_links(org.id, stream.chunks)
        file = operation.answer_of(CallStream(stream.org, chunks), query)
        if not isinstance(file, File):
            raise TypeError(f"{operation.name} makes no file of calls that come part by part")
        return file

    def record_of(self, rows: RowFormat, org: Org, query: Any) -> Callable[[Call], Any]:
        """The function that makes the printed record of a call."""
        options = rows.options_of(query)
        return lambda call: rows.print_row(self._links.with_link(org.id, call), org.name, options)

    def _page(self, rows: RowFormat, org: Org, page: CallPage, query: Any) -> bytes:
        options = rows.options_of(query)
        print_row = self._row_printer(rows, org, options)
        if self._row_cache is None:
            printed = [print_row(call) for call in page.calls]
        else:
            form = (rows.row, rows.fact, org.id, org.name, options, self._links.day())
            printed = self._row_cache.rows(form, page.calls, print_row)
        facts = () if rows.fact is None else [row.fact for row in printed]
        head, tail = _around(rows, summary_of(page, facts), query)
        return _joined(head, [row.json for row in printed], tail)

    def _row_printer(
        self, rows: RowFormat, org: Org, options: Hashable
    ) -> Callable[[EncodedCall], PrintedRow]:
        def print_row(encoded: EncodedCall) -> PrintedRow:
            call = self._links.with_link(org.id, encoded.call())
            fact = None if rows.fact is None else rows.fact(call, org.name)
            encode = _encoder.encode if encoded.size_bytes > INLINE_BYTES else encode_json
            return PrintedRow(encoded, encode(rows.print_row(call, org.name, options)), fact)

        return print_row


def _printed(print_row: Callable[[EncodedCall], PrintedRow], calls: Sequence[EncodedCall]) -> list[bytes]:
    return [print_row(call).json for call in calls]


def _joined(head: bytes, rows: list[bytes], tail: bytes) -> bytes:
    """Rows separated by commas, and the envelope around them."""
    if not rows:
        return head + tail
    rows[0] = head + rows[0]
    rows[-1] += tail
    return b",".join(rows)  # the only copy of what may be long


def _around(rows: RowFormat, page: PageSummary, query: Any) -> tuple[bytes, bytes]:
    """The JSON of a page before its first row, and after its last row."""
    if rows.envelope is None:
        raise TypeError("a stream has no envelope")
    return _split(rows.envelope(page, query), rows.path)


class _Key(NamedTuple):
    field: str
    json: bytes
    """Its name in the answer, quoted and with a colon."""


def _split(record: Struct, path: str) -> tuple[bytes, bytes]:
    """The JSON of a record before and after the list at a path."""
    name, _, below = path.partition(".")
    above, key, after = _keys(type(record), name)
    head, tail = _split(getattr(record, name), below) if below else (b"[", b"]")
    before = b",".join([*_members(record, above), key.json + head])
    return b"{" + before, b",".join([tail, *_members(record, after)]) + b"}"


@lru_cache(maxsize=256)
def _keys(kind: type[Struct], name: str) -> tuple[list[_Key], _Key, list[_Key]]:
    """The keys of a record before one of its fields, that of the field, and those after it."""
    config = kind.__struct_config__
    if config.omit_defaults or config.tag is not None:
        raise TypeError(f"{kind.__name__} is an envelope and must set exactly its own fields")
    keys = [_Key(field.name, encode_json(field.encode_name) + b":") for field in structs.fields(kind)]
    place = [key.field for key in keys].index(name)
    return keys[:place], keys[place], keys[place + 1 :]


def _members(record: Struct, keys: list[_Key]) -> list[bytes]:
    return [
        name + encode_json(value) for field, name in keys if (value := getattr(record, field)) is not UNSET
    ]
