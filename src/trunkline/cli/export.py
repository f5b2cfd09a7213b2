"""`trunkline export`: an org's calls as a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Annotated
from urllib.parse import urlencode

import msgspec
import typer
from msgspec import Struct, structs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trunkline.api.rows import Printer
from trunkline.cli.counts import counted
from trunkline.compose import database, services
from trunkline.kit.dialect import Operation
from trunkline.kit.export import COMPRESSIONS, FORMATS, File
from trunkline.kit.query import read_query
from trunkline.model.faults import Refused
from trunkline.model.intents import ExportCalls
from trunkline.service.export import chunks_of
from trunkline.settings import Settings
from trunkline.vendors import dialects

STANDARD_OUTPUT = "-"


class ExportProblem(RuntimeError):
    """An export cannot be made with these options."""


class ExportSummary(Struct):
    """What was exported, and where to."""

    file: str
    calls: int
    bytes: int


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write; - for standard output.")],
    org: Annotated[str, typer.Option(help="The org whose calls are exported.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help=f"{' or '.join(FORMATS)}; by default from the file's suffix."),
    ] = None,
    compression: Annotated[
        str | None, typer.Option(help=f"{', '.join(COMPRESSIONS)}; by default from the file's suffix.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--tz", help="The time zone to write instants in, such as Europe/Paris; UTC by default."
        ),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="NAME=VALUE", help="Any parameter of the list; repeatable."),
    ] = None,
    *,
    force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Write an org's calls, as they are at one moment, to a file.

    It is written to FILE.part and renamed when it is complete.
    """
    suffix_form, suffix_compression, suffix = _by_suffix(file)
    if suffix and suffix_form is None and form is None:
        known = " or ".join(one.suffix for one in FORMATS.values())
        raise ExportProblem(f"{suffix} is no format of an export; name the file {known}, or add --format")
    wanted = {
        "format": form or suffix_form,
        "compression": compression or suffix_compression,
        "tz": zone,
        **_filters(filters or []),
    }
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    path = None if file == STANDARD_OUTPUT else Path(file)
    if path is not None:
        _spare(path, force=force)
    result = asyncio.run(_export(database(Settings.read()), org, query, path))
    summary = (
        msgspec.json.encode(result).decode()
        if as_json
        else f"{counted(result.calls, 'call')} in {result.file}"
    )
    typer.echo(summary, err=path is None)


def _by_suffix(file: str) -> tuple[str | None, str | None, str]:
    """The form and the compression that a file's suffixes mean, and the suffix that means the form."""
    compression = next(
        (one for one in COMPRESSIONS.values() if one.suffix and file.endswith(one.suffix)), None
    )
    inner = file.removesuffix(compression.suffix) if compression else file
    form = next((one.name for one in FORMATS.values() if inner.endswith(one.suffix)), None)
    suffix = "" if file == STANDARD_OUTPUT else Path(inner).suffix
    return form, compression.name if compression else None, suffix


def _filters(pairs: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r} is not of the form NAME=VALUE", param_hint="--filter")
        if name in ("format", "compression", "tz", *filters):
            raise typer.BadParameter(
                f"{name} is given twice, or has an option of its own", param_hint="--filter"
            )
        filters[name] = value
    return filters


def _spare(path: Path, *, force: bool) -> None:
    if path.exists() and not path.is_file():
        raise ExportProblem(f"{path} is not a file; use {STANDARD_OUTPUT} to write to standard output")
    if path.exists() and not force:
        raise ExportProblem(f"{path} exists already; overwrite it with --force")


def _export_operation() -> Operation:
    """The operation that answers with a file."""
    return next(
        operation
        for dialect in dialects().values()
        for operation in dialect.operations
        if operation.media_types
    )


async def _export(url: str, org: str, query: str, path: Path | None) -> ExportSummary:
    operation = _export_operation()
    try:
        parsed, _ = read_query(query.encode(), operation.query, refuse_unknown=True)
        intent = operation.to_intent(parsed, "")
    except Refused as refused:
        raise ExportProblem(refused.detail) from None
    if not isinstance(intent, ExportCalls):
        raise TypeError(f"{operation.name} is not an export")
    async with services(url, pool_size=1) as joined:
        owner = await joined.keys.org(org)
        stream = await joined.run(owner, structs.replace(intent, with_total=True))
        written = Printer(joined.links).file(operation, owner, stream, parsed)
        with _opened(path) as out:
            size = await _write(written, out)
    return ExportSummary(STANDARD_OUTPUT if path is None else str(path), written.calls, size)


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


async def _write(written: File, out: IO[bytes]) -> int:
    size = 0
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("calls"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(written.name, total=None)
        async with aclosing(chunks_of(written)) as chunks:
            async for chunk in chunks:
                out.write(chunk)
                size += len(chunk)
                bar.update(task, completed=written.calls, total=written.total)
    return size
