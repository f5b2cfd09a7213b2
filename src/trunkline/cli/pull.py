"""`trunkline pull`: a vendor's calls into the log, from the vendor's list."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trunkline.cli.counts import counted
from trunkline.compose import Services, database, pull_of, services
from trunkline.ingest.pull import PullSummary, Report, vendor_client_of
from trunkline.ingest.vendor_client import VendorUnavailable
from trunkline.kit.query import DayOrInstant
from trunkline.service.sources import Source
from trunkline.settings import Settings
from trunkline.vendors import doors


def pull(
    source: Annotated[str, typer.Option(help="The source's id, as `sources list` shows it.")],
    org: Annotated[str, typer.Option(help="The org that the source belongs to.")],
    since: Annotated[
        str | None, typer.Option(help="Calls created from then on, such as 2026-03-01 or 2026-03-01T09:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Calls created until then.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Seconds between two pulls with --follow.")] = 60,
    *,
    follow: Annotated[bool, typer.Option(help="Pull again and again until stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each pull.")] = False,
) -> None:
    """Request a vendor's calls: all of them the first time, then those since the last pull.

    A pull that was stopped continues where it was. The exit status is 1 if any call could not be read.
    """
    span = instant("--since", since, last=False), instant("--until", until, last=True)
    if span[0] is not None and span[1] is not None and span[1] < span[0]:
        raise typer.BadParameter("it is before --since", param_hint="--until")
    url = database(Settings.read())
    unreadable = asyncio.run(_pull(url, org, source, span, every if follow else None, as_json=as_json))
    if unreadable:
        raise typer.Exit(1)


def instant(option: str, text: str | None, *, last: bool) -> datetime | None:
    """Read an option that is a date or an instant; a date means its first moment, or its last with `last`."""
    if text is None:
        return None
    try:
        read = DayOrInstant.read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    return read.last if last else read.first


async def _pull(
    url: str,
    org: str,
    source_id: str,
    span: tuple[datetime | None, datetime | None],
    every: int | None,
    *,
    as_json: bool,
) -> bool:
    async with services(url, pool_size=3) as joined:
        source = await joined.sources.named(org, source_id)
        while True:
            try:
                total = await _once(joined, source, span)
            except VendorUnavailable as error:
                if every is None:
                    raise
                typer.echo(f"trunkline: {error}", err=True)
            else:
                _show(total, as_json=as_json)
                if every is None:
                    return bool(total.unreadable)
            await asyncio.sleep(every)


async def _once(
    joined: Services, source: Source, span: tuple[datetime | None, datetime | None]
) -> PullSummary:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("calls on {task.fields[pages]}, {task.fields[new]} new"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        async with vendor_client_of(source, doors()[source.vendor]) as client:
            return await pull_of(joined, source, client, _reporter(bar, source)).run(*span)


def _reporter(bar: Progress, source: Source) -> Report:
    task = bar.add_task(source.label or source.vendor, total=None, pages=counted(0, "page"), new=0)

    def report(total: PullSummary, count: int | None) -> None:
        bar.update(
            task, completed=total.calls, total=count, pages=counted(total.pages, "page"), new=total.new
        )

    return report


def _show(total: PullSummary, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(total).decode())
        return
    typer.echo(
        f"{counted(total.pages, 'page')}, {counted(total.calls, 'call')}: {total.new} new, "
        f"{total.changed} changed, {total.unchanged} unchanged, {total.deleted} deleted, "
        f"{len(total.unreadable)} unreadable"
    )
    for name, reason in total.unreadable.items():
        typer.echo(f"unreadable: {name}: {reason}", err=True)
