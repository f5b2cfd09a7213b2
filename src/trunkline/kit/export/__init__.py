"""Files of calls: the forms that a log can be exported in, and how they are compressed.

A form is a value in `FORMATS` with a writer that gets calls in chunks, so that no file is ever whole in
memory. A new form is a new entry: its writer may buffer a row group, and its `end` may return data.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from msgspec import Struct

from trunkline.kit.export.compression import GZIP, NONE, ZSTD, Compression
from trunkline.kit.export.json_lines import JsonLines
from trunkline.kit.export.shape import Shape, Writer
from trunkline.kit.export.table import Table
from trunkline.model.encoded_call import Chunk


class Format(Struct, frozen=True, kw_only=True):
    """A form that a file of calls may have."""

    name: str
    suffix: str
    """Of the file's name, with its dot."""
    media_type: str
    charset: str = ""
    writer: Callable[[Shape], Writer]


class File(Struct, kw_only=True):
    """A file that is being written, and how far it is."""

    name: str
    media_type: str
    chunks: AsyncGenerator[Chunk, None]
    writer: Writer
    compression: Compression
    calls: int = 0
    """How many calls are in it by now."""
    total: int | None = None
    """How many there will be; `None` while they are not counted."""


def file_of(
    chunks: AsyncGenerator[Chunk, None], form: Format, compression: Compression, shape: Shape, *, name: str
) -> File:
    """Make a file of calls; its name gets the suffixes of its form and compression."""
    media_type = f"{form.media_type}; charset={form.charset}" if form.charset else form.media_type
    return File(
        name=f"{name}{form.suffix}{compression.suffix}",
        media_type=compression.media_type or media_type,
        chunks=chunks,
        writer=form.writer(shape),
        compression=compression,
    )


FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format(name="jsonl", suffix=".jsonl", media_type="application/x-ndjson", writer=JsonLines),
        Format(name="csv", suffix=".csv", media_type="text/csv", charset="utf-8", writer=Table),
    )
}
COMPRESSIONS: Mapping[str, Compression] = {each.name: each for each in (NONE, GZIP, ZSTD)}

MEDIA_TYPES = (
    *(form.media_type for form in FORMATS.values()),
    *(each.media_type for each in COMPRESSIONS.values() if each.media_type),
)
"""What a file may be sent as."""
