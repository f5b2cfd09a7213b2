"""`trunkline totals`: recounting the running sums."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
import typer

from trunkline.cli.counts import counted
from trunkline.compose import database, services
from trunkline.model.totals import CheckTotals, Difference, RebuildTotals
from trunkline.service.calls import Org
from trunkline.service.run import Run
from trunkline.settings import Settings

app = typer.Typer(help="Exact totals: check them against the calls, or correct them.", no_args_is_help=True)

T = TypeVar("T")
OrgOption = Annotated[str | None, typer.Option(help="One org; all of them by default.")]


@app.command("check")
def check(
    org: OrgOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Recount the calls and list every total that differs; exit status 1 if any does."""
    found = _each(org, _check)
    for name, off in found.items():
        for difference in off:
            typer.echo(_line(name, difference, as_json=as_json))
    total = sum(map(len, found.values()))
    differ = "differs" if total == 1 else "differ"
    typer.echo(f"{counted(len(found), 'org')} recounted, {counted(total, 'total')} {differ}", err=as_json)
    if total:
        raise typer.Exit(1)


@app.command("rebuild")
def rebuild(org: OrgOption = None) -> None:
    """Correct the totals; servers may read and write meanwhile."""
    for name, corrected in _each(org, _rebuild).items():
        typer.echo(f"{name}: {counted(corrected, 'total')} corrected")


async def _check(run: Run, org: Org) -> Sequence[Difference]:
    return (await run(org, CheckTotals())).differences


async def _rebuild(run: Run, org: Org) -> int:
    return (await run(org, RebuildTotals())).count


def _each(org: str | None, action: Callable[[Run, Org], Awaitable[T]]) -> dict[str, T]:
    async def run(url: str) -> dict[str, T]:
        async with services(url, pool_size=1) as joined:
            names = [org] if org is not None else await joined.keys.orgs()
            owners = [await joined.keys.org(name) for name in names]
            return {owner.name: await action(joined.run, owner) for owner in owners}

    return asyncio.run(run(database(Settings.read())))


def _line(org: str, found: Difference, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode({"org": org, **msgspec.to_builtins(found)}).decode()
    words = " ".join(part for part in (found.value, found.outcome, found.agent, found.campaign) if part)
    period = f"{found.level} {found.period:%Y-%m-%dT%H}Z"
    return f"{org}: {period} {words}: stored {found.stored}, counted {found.counted}"
