"""`trunkline recordings`: calls' recordings that are stored, and those that could not be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from trunkline.cli.counts import counted
from trunkline.cli.tables import print_table
from trunkline.compose import database, services
from trunkline.model.recordings import ListedRecording, ListRecordings, RetryRecordings
from trunkline.settings import Settings

app = typer.Typer(help="Recordings that are stored, waiting or failed.", no_args_is_help=True)

_MAX_LISTED = 1000
_COLUMNS = ("call_id", "state", "attempts", "next_try_at", "size_bytes", "media_type", "problem")

Org = Annotated[str, typer.Option(help="The org.")]


@app.command("list")
def listed(
    org: Org,
    state: Annotated[
        str, typer.Option(help="Only recordings in this state: waiting, stored or failed.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List an org's recordings, those that are due soonest first; at most a thousand."""
    found = asyncio.run(_listed(database(Settings.read()), org, ListRecordings(_MAX_LISTED, state or None)))
    if as_json:
        typer.echo(msgspec.json.encode({"org": org, "recordings": found}).decode())
        return
    print_table(_COLUMNS, [[getattr(one, name) for name in _COLUMNS] for one in found])
    if len(found) == _MAX_LISTED:
        typer.echo(f"These are the first {_MAX_LISTED}.")


@app.command("retry")
def retry(org: Org) -> None:
    """Try again, from the beginning, recordings that are not stored."""
    count = asyncio.run(_retried(database(Settings.read()), org))
    typer.echo(f"{counted(count, 'recording')} will be tried again.")


async def _listed(url: str, org: str, intent: ListRecordings) -> Sequence[ListedRecording]:
    async with services(url, pool_size=1) as joined:
        return (await joined.run(await joined.keys.org(org), intent)).recordings


async def _retried(url: str, org: str) -> int:
    async with services(url, pool_size=1) as joined:
        return (await joined.run(await joined.keys.org(org), RetryRecordings())).count
