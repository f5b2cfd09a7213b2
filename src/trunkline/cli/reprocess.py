"""`trunkline reprocess`: derive calls again from their stored payloads."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer

from trunkline.cli.counts import counted
from trunkline.compose import database, reprocessor, services
from trunkline.ingest.reprocess import ReprocessSummary
from trunkline.settings import Settings

_SHOWN = 20


def reprocess(
    org: Annotated[str, typer.Option(help="The org whose calls are derived again.")],
    vendor: Annotated[str, typer.Option(help="Only calls of this vendor.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Derive calls again from their stored payloads, after the reading of a vendor was improved."""
    derived = asyncio.run(_run(database(Settings.read()), org, vendor or None))
    if as_json:
        typer.echo(msgspec.json.encode(derived).decode())
        return
    typer.echo(
        f"{counted(derived.calls, 'call')} derived again, {derived.changed} changed,"
        f" {derived.found} found, {len(derived.unreadable)} cannot be read, {derived.unread} in the inbox"
    )
    for reason in derived.unreadable[:_SHOWN]:
        typer.echo(f"  {reason}", err=True)
    if len(derived.unreadable) > _SHOWN:
        typer.echo(f"  and {len(derived.unreadable) - _SHOWN} more; --json lists all", err=True)


async def _run(url: str, org: str, vendor: str | None) -> ReprocessSummary:
    async with services(url, pool_size=2) as joined:
        return await reprocessor(joined).run(await joined.keys.org(org), vendor)
