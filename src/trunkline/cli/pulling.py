"""`trunkline pull` and `trunkline ledger`: what vendors list, and whether we hold it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trunkline.compose import Services, database, services
from trunkline.ingest.asking import PullFailed
from trunkline.ingest.pull import Pull, Pulled
from trunkline.kit.wire import instant_of_iso
from trunkline.model.ledger import SourceLedger
from trunkline.service.clock import system_clock
from trunkline.settings import Settings
from trunkline.store.pulls import PullStore

_SHOWN = 50

Org = Annotated[str, typer.Option(help="The org.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Since = Annotated[str, typer.Option(help="Calls made at or after this time, ISO 8601.")]
Until = Annotated[str, typer.Option(help="Calls made at or before this time, ISO 8601.")]


def pull(
    org: Org,
    source: Annotated[str, typer.Option(help="The source's id, as `sources list` shows it.")],
    since: Since = "",
    until: Until = "",
    every: Annotated[int, typer.Option(min=1, help="Seconds between two pulls with --follow.")] = 60,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, pull after pull.")] = False,
    as_json: Json = False,
) -> None:
    """Read a vendor's own list of calls; one that was broken off goes on where it was."""
    span = _instant("--since", since), _instant("--until", until)

    async def run(url: str) -> None:
        async with services(url, pool_size=3) as joined:
            while True:
                pulled = await _pulled(joined, org, source, span)
                typer.echo(msgspec.json.encode(pulled).decode() if as_json else _sentence(pulled))
                for reason in pulled.unreadable[:_SHOWN]:
                    typer.echo(f"  {reason}", err=True)
                if not follow:
                    return
                await asyncio.sleep(every)

    asyncio.run(run(database(Settings.read())))


async def _pulled(
    joined: Services, org: str, source_id: str, span: tuple[datetime | None, datetime | None]
) -> Pulled:
    source = await joined.sources.named(org, source_id)
    if source.disabled_at is not None:
        raise PullFailed(f"source {source_id} is disabled")
    bar = Progress(
        TextColumn("{task.description}"),
        TextColumn("{task.fields[pages]} pages, {task.fields[calls]} calls{task.fields[of]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(source.label or source.vendor, pages=0, calls=0, of="")

        def tell(pulled: Pulled) -> None:
            of = "" if pulled.total is None else f" of {pulled.total}"
            bar.update(task, pages=pulled.pages, calls=pulled.calls, of=of)

        puller = Pull(joined.commits, PullStore(joined.pool), system_clock)
        door = joined.sources.door(source.vendor)
        return await puller.run(source, door, since=span[0], until=span[1], tell=tell)


def _sentence(pulled: Pulled) -> str:
    return (
        f"{pulled.calls} calls on {pulled.pages} pages: {pulled.new} new ({pulled.repaired} repaired),"
        f" {pulled.changed} changed, {pulled.unchanged} unchanged, {pulled.deleted} deleted here,"
        f" {len(pulled.unreadable)} unreadable"
    )


def ledger(
    org: Org,
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    since: Since = "",
    until: Until = "",
    *,
    as_json: Json = False,
) -> None:
    """Show hour by hour what each source's vendor lists and what we hold, and calls by name."""
    first, last = _instant("--since", since), _instant("--until", until)

    async def run(url: str) -> list[SourceLedger]:
        async with services(url, pool_size=2) as joined:
            reader = joined.ledger
            found = await joined.sources.listed(org)
            return [await reader.of(one, first, last) for one in found if source in ("", one.id)]

    ledgers = asyncio.run(run(database(Settings.read())))
    if as_json:
        typer.echo(msgspec.json.encode({"org": org, "sources": ledgers}).decode())
        return
    for one in ledgers:
        typer.echo(f"{one.label or one.vendor} ({one.source}): {one.told} listed, {one.held} held")
        table = Table("hour", "listed", "held", "missing", "repaired", "checked_at")
        for hour in one.hours:
            if hour.told != hour.held or hour.missing or hour.repaired:
                table.add_row(*(str(getattr(hour, name)) for name in _COLUMNS))
        if table.row_count:
            Console().print(table)
        for call in one.calls[:_SHOWN]:
            typer.echo(f"  {call.state}  {call.vendor_call_id}  {call.reason}  noticed {call.noticed_at}")
        if len(one.calls) > _SHOWN or one.more:
            typer.echo("  and more: --json names them")


_COLUMNS = ("hour", "told", "held", "missing", "repaired", "checked_at")


def _instant(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return instant_of_iso(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name}: {error}") from None
