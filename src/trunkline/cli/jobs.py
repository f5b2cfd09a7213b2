"""`trunkline jobs`: lists and retries background work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from trunkline.cli.counts import counted
from trunkline.cli.tables import print_table
from trunkline.compose import Services, database, services
from trunkline.service.clock import system_clock
from trunkline.settings import Settings

app = typer.Typer(help="Background work: what waits, runs or failed.", no_args_is_help=True)

T = TypeVar("T")
_MAX_LENGTH = 1000
_JOBS = ("org", "kind", "key", "state", "running", "schedule", "attempts", "next_try_at", "problem")
_FOLLOWERS = ("org", "name", "behind", "skipped", "attempts", "next_try_at", "problem")

Org = Annotated[str, typer.Option(help="One org; by default all orgs, and jobs that belong to none.")]
Kind = Annotated[str, typer.Option(help="One kind of job, such as `recording`.")]


def _run(org: str, action: Callable[[Services, int | None], Awaitable[T]]) -> T:
    async def inner(url: str) -> T:
        async with services(url, pool_size=1) as joined:
            org_id = await joined.keys.org_id(org) if org else None
            return await action(joined, org_id)

    return asyncio.run(inner(database(Settings.read())))


@app.command("list")
def listed(
    org: Org = "",
    kind: Kind = "",
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only jobs that failed for good.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List jobs, those that failed first, and the position of each follower; at most a thousand of each."""

    async def read(joined: Services, org_id: int | None) -> dict[str, Any]:
        state = "failed" if failed else None
        return {
            "jobs": await joined.jobs.listed(org_id, kind or None, state, _MAX_LENGTH),
            "followers": await joined.followers.listed(org_id, _MAX_LENGTH),
        }

    found = _run(org, read)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for columns, rows in ((_JOBS, found["jobs"]), (_FOLLOWERS, found["followers"])):
        print_table(columns, [[getattr(row, column) for column in columns] for row in rows])
        if len(rows) == _MAX_LENGTH:
            typer.echo(f"These are the first {_MAX_LENGTH}.")


@app.command("retry")
def retry(org: Org = "", kind: Kind = "") -> None:
    """Retry now the jobs that failed or wait for another try, and the changes that a follower skipped."""

    async def again(joined: Services, org_id: int | None) -> tuple[int, int]:
        jobs = await joined.jobs.retry(org_id, kind or None, system_clock())
        return jobs, 0 if kind else await joined.followers.go_back(org_id)

    jobs, changes = _run(org, again)
    typer.echo(f"{counted(jobs, 'job')} and {counted(changes, 'change')} will be tried again.")
