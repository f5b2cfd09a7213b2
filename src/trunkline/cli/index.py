"""`trunkline index`: brings the search index up to date, for example after a big import."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trunkline.cli.counts import counted
from trunkline.compose import database, services
from trunkline.jobs.search_index import index_backlog, index_org
from trunkline.settings import Settings


def index(
    org: Annotated[str | None, typer.Option(help="One org; all of them by default.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Add calls to the search index that were written since a server last did.

    A search finds every call at any time, but has to read those that are not indexed yet. A server indexes
    them in the background; this command does it at once.
    """

    async def run(url: str) -> tuple[int, int]:
        async with services(url, pool_size=2) as joined:
            names = [org] if org is not None else await joined.keys.orgs()
            ids = [await joined.keys.org_id(name) for name in names]
            left = sum([await index_backlog(joined.pool, org_id) for org_id in ids])
            columns = (TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=Console(stderr=True), disable=as_json) as progress:
                task = progress.add_task("", total=left)
                done = sum(
                    [await index_org(joined.pool, one, lambda n: progress.advance(task, n)) for one in ids]
                )
            return done, sum([await index_backlog(joined.pool, org_id) for org_id in ids])

    done, left = asyncio.run(run(database(Settings.read())))
    if as_json:
        typer.echo(msgspec.json.encode({"indexed": done, "left": left}).decode())
    else:
        typer.echo(f"{counted(done, 'call')} indexed, {left} left")
