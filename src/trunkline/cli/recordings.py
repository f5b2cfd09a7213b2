"""`trunkline recordings`: calls' recordings that are stored, and those that could not be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.table import Table

from trunkline.cli.tables import console
from trunkline.compose import database, services
from trunkline.service.clock import system_clock
from trunkline.settings import Settings
from trunkline.store.keys import KeyStore
from trunkline.store.recordings import RecordingStore

app = typer.Typer(help="Recordings that are stored, waiting or failed.", no_args_is_help=True)

T = TypeVar("T")
_MAX_LISTED = 1000
_COLUMNS = ("call_id", "state", "attempts", "next_try_at", "size_bytes", "media_type", "problem")

Org = Annotated[str, typer.Option(help="The org.")]


def _run(org: str, action: Callable[[RecordingStore, int], Awaitable[T]]) -> T:
    async def inner(url: str) -> T:
        async with services(url, pool_size=1) as joined:
            org_id = await KeyStore(joined.pool).org_id(org)
            if org_id is None:
                raise RuntimeError(f"there is no org {org}")
            return await action(RecordingStore(joined.pool), org_id)

    return asyncio.run(inner(database(Settings.read())))


@app.command("list")
def listed(
    org: Org,
    state: Annotated[
        str, typer.Option(help="Only recordings in this state: waiting, stored or failed.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List an org's recordings, those that are due soonest first; a thousand at the most."""
    found = _run(org, lambda store, org_id: store.listed(org_id, state or None, _MAX_LISTED))
    if as_json:
        typer.echo(msgspec.json.encode({"org": org, "recordings": found}).decode())
        return
    table = Table(*_COLUMNS)
    for one in found:
        table.add_row(*("" if getattr(one, name) is None else str(getattr(one, name)) for name in _COLUMNS))
    console().print(table)
    if len(found) == _MAX_LISTED:
        typer.echo(f"These are the first {_MAX_LISTED}.")


@app.command("retry")
def retry(org: Org) -> None:
    """Try again, from the beginning, recordings that are not stored."""
    count = _run(org, lambda store, org_id: store.retry(org_id, system_clock()))
    typer.echo(f"{count} recordings will be tried again.")
