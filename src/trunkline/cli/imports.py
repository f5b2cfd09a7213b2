"""`trunkline import`: files of calls into the log."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Annotated

import msgspec
import typer
import uvloop
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from trunkline.cli.counts import counted
from trunkline.compose import Services, database, services
from trunkline.ingest.file_reader import Reader, Rejected
from trunkline.ingest.files import Entry, Source
from trunkline.ingest.payload_reader import FILE, file_forms
from trunkline.service.calls import Org
from trunkline.service.intake import Intake, PreparedBatch
from trunkline.service.keys import org_name
from trunkline.service.prefetch import prefetch
from trunkline.service.received import Received
from trunkline.settings import Settings

BATCH_CALLS = 2000
BATCH_BYTES = 16 * 1024 * 1024
MAX_REASONS = 5
"""Reasons that are printed; the reject file has all of them."""


class ImportSummary(Struct):
    """The result of an import, counted in calls; a line that cannot be read counts as one."""

    read: int = 0
    stored: int = 0
    unchanged: int = 0
    rejected: int = 0


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)],
    org: Annotated[str, typer.Option(help="The org that the calls belong to; created if it is new.")],
    vendor: Annotated[
        str | None,
        typer.Option(
            "--vendor", "--dialect", help="The vendor of the files; recognised line by line by default."
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(help="The file for bad lines; by default FILE.rejects.jsonl in this folder."),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print only one JSON object, as the last line.")
    ] = False,
) -> None:
    """Import files of calls: our own JSON Lines or a vendor's saved answers, plain, gzip or zstd.

    Bad lines go to a reject file with their line number and the reason, and into the inbox; the good ones
    are stored. The exit status is 1 if any was rejected, or if a file is empty. Importing a file again
    changes nothing.
    """
    if vendor is not None and vendor not in (known := file_forms()):
        raise typer.BadParameter(
            f"there is no vendor {vendor!r}; there are {', '.join(known)}", param_hint="--vendor"
        )
    org = org_name(org)
    _spare(files, rejects)
    total = uvloop.run(_import(database(Settings.read()), files, org, vendor, rejects))
    if as_json:
        typer.echo(msgspec.json.encode(total).decode())
    else:
        typer.echo(
            f"{total.read} read, {total.stored} stored, "
            f"{total.unchanged} unchanged, {total.rejected} rejected"
        )
    if total.rejected:
        raise typer.Exit(1)


def _spare(files: list[Path], rejects: Path | None) -> None:
    """Check that no reject file would overwrite a file that is to be read."""
    for target in {rejects or _rejects_path(path) for path in files}:
        if target.exists() and any(target.samefile(path) for path in files):
            raise typer.BadParameter(
                f"bad lines would overwrite {target}: choose another file with --rejects"
            )


def _rejects_path(path: Path) -> Path:
    return Path(f"{path.name}.rejects.jsonl")


async def _import(
    url: str, files: list[Path], org: str, vendor: str | None, rejects: Path | None
) -> ImportSummary:
    total = ImportSummary()
    gc.set_threshold(1_000_000, 50, 100)  # a batch has many objects that all live until it is written
    sys.setswitchinterval(0.0005)  # the thread that reads must not keep the database waiting
    async with services(url, pool_size=2) as joined:
        owner = await joined.keys.ensure_org(org)
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[calls]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        with bar, Rejects(rejects) as out:
            for path in files:
                with Source(path) as source:
                    task = bar.add_task(path.name, total=source.size, calls=counted(0, "call"))
                    before = total.read
                    reader = Reader(file_forms(), vendor)
                    batches = _batches(path, source, reader, out, total, joined.intake)
                    # Two batches are read ahead while the database writes one, so that neither side waits.
                    async with aclosing(prefetch(prefetch(_prepared(batches)))) as coming:
                        async for batch in coming:
                            await _commit(joined, owner, batch, total)
                            calls = counted(total.read - before, "call")
                            bar.update(task, completed=source.bytes_read(), calls=calls)
                    bar.update(task, completed=source.size, calls=counted(total.read - before, "call"))
    return total


async def _prepared(batches: Iterator[PreparedBatch]) -> AsyncGenerator[PreparedBatch, None]:
    """The batches, each read in a thread."""
    while batch := await asyncio.to_thread(next, batches, None):
        yield batch


async def _commit(joined: Services, owner: Org, batch: PreparedBatch, total: ImportSummary) -> None:
    result = await joined.intake.commit(owner, batch)
    total.stored += result.stored
    total.unchanged += result.unchanged


def _batches(
    path: Path, source: Source, reader: Reader, out: Rejects, total: ImportSummary, intake: Intake
) -> Iterator[PreparedBatch]:
    name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    batch: list[Received] = []
    size = 0
    entry: Entry | None = None
    before = total.read
    for entry in source.entries(reader.quickly):
        size += len(entry.text)
        for found in reader.read(name, entry):
            total.read += 1
            if isinstance(found, Rejected):
                total.rejected += 1
                out.write(path, found)
                if found.unread is not None:
                    batch.append(found.unread)
            else:
                batch.append(found)
            if len(batch) >= BATCH_CALLS or (batch and size >= BATCH_BYTES):
                yield intake.prepare(batch, FILE)
                batch, size = [], 0
    if batch:
        yield intake.prepare(batch, FILE)
    if entry is None:
        total.read, total.rejected = total.read + 1, total.rejected + 1
        out.write(path, Rejected(name, 1, None, "the file is empty", ""))
    elif total.read == before:
        typer.echo(f"{name}: an answer without calls", err=True)


class Rejects:
    """The reject files, each made only when something is written to it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._open: dict[Path, IO[bytes]] = {}
        self._reasons: list[str] = []
        self._more = 0

    def __enter__(self) -> Rejects:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files, and say what was rejected and where it is."""
        for reason in self._reasons:
            typer.echo(reason, err=True)
        if self._more:
            typer.echo(f"and {self._more} more", err=True)
        for path, file in self._open.items():
            file.close()
            typer.echo(f"rejected lines are in {path}", err=True)

    def write(self, path: Path, rejected: Rejected) -> None:
        """Write down what was rejected of a file and why."""
        target = self._path or _rejects_path(path)
        if target not in self._open:
            self._open[target] = target.open("wb")
        fields = rejected._asdict()
        del fields["unread"]
        self._open[target].write(msgspec.json.encode(fields) + b"\n")
        if len(self._reasons) < MAX_REASONS:
            item = "" if rejected.item is None else f", item {rejected.item}"
            self._reasons.append(f"{rejected.file}, line {rejected.line}{item}: {rejected.reason}")
        else:
            self._more += 1
