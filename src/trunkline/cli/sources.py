"""`trunkline sources`: the accounts with vendors from which calls come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from trunkline.cli.tables import print_table
from trunkline.compose import Services, database, services
from trunkline.kit import schedule as schedules
from trunkline.model.inbox import CountInbox
from trunkline.model.pulls import PullSchedule
from trunkline.service.sources import Source, SourceProblem, Sources
from trunkline.settings import Settings

app = typer.Typer(help="Accounts with vendors from which calls come.", no_args_is_help=True)

T = TypeVar("T")

Org = Annotated[str, typer.Option(help="The org.")]
SourceId = Annotated[str, typer.Argument(metavar="ID", help="The source's id, as `sources list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_STDIN_HELP = "Read a JSON object from standard input:"
Stdin = Annotated[
    bool,
    typer.Option(
        "--stdin",
        help=f'{_STDIN_HELP} {{"secret": …}} or {{"secrets": […]}} for webhooks,'
        f' {{"credential": {{…}}}} for pull.',
    ),
]


class _Secrets(msgspec.Struct, forbid_unknown_fields=True):
    """Secrets are read from standard input, so that no list of processes shows them."""

    secret: str | None = None
    secrets: list[str] | None = None
    credential: dict[str, str] | None = None

    def webhook_secrets(self) -> list[str] | None:
        """The secrets, given as one or as a list; `None` if none were given."""
        return self.secrets if self.secret is None else [self.secret, *(self.secrets or ())]


def run(action: Callable[[Sources], Awaitable[T]]) -> T:
    """Run an action with the source service."""

    async def inner(url: str) -> T:
        async with services(url, pool_size=1) as joined:
            return await action(joined.sources)

    return asyncio.run(inner(database(Settings.read())))


@app.command("add")
def add(
    org: Annotated[str, typer.Option(help="The org that its calls belong to; created if it is new.")],
    vendor: Annotated[str, typer.Option(help="The vendor, such as `retell`.")],
    label: Annotated[str, typer.Option(help="A note to recognise the source by.")] = "",
    base_url: Annotated[
        str, typer.Option(help="Where the vendor's API is, if not at its usual address.")
    ] = "",
    *,
    stdin: Stdin = False,
    as_json: Json = False,
) -> None:
    """Add an account with a vendor and print the address to which its webhooks are to be sent."""
    given = _read_stdin() if stdin else _Secrets()
    secrets = given.webhook_secrets() or []
    source = run(
        lambda sources: sources.add(
            org,
            vendor,
            label=label,
            webhook_secrets=secrets,
            credential=given.credential,
            base_url=base_url or None,
        )
    )
    if as_json:
        typer.echo(msgspec.json.encode(_shown(source)).decode())
        return
    typer.echo(f"Source {source.id} of org {source.org.name}, for {source.vendor}.")
    typer.echo(f"Webhooks go to  {_address(source)}")


@app.command("list")
def listed(org: Org, *, as_json: Json = False) -> None:
    """List an org's sources with their addresses; secrets are not shown."""
    found = asyncio.run(_listed(database(Settings.read()), org))
    if as_json:
        typer.echo(msgspec.json.encode({"org": org, "sources": found}).decode())
        return
    columns = (
        *("id", "vendor", "label", "address", "signed", "pulled", "created_at", "disabled_at"),
        *("schedule", "last_pull_at", "next_pull_at", "pull_problem", "unread"),
    )
    print_table(columns, [[source[column] for column in columns] for source in found])


@app.command("change")
def change(source_id: SourceId, org: Org) -> None:
    """Set a source's secrets or credential, as JSON from standard input."""
    given = _read_stdin()
    run(
        lambda sources: sources.change(
            org, source_id, webhook_secrets=given.webhook_secrets(), credential=given.credential
        )
    )
    typer.echo(f"Source {source_id} is changed.")


@app.command("schedule")
def schedule(
    source_id: SourceId,
    org: Org,
    every: Annotated[str, typer.Option(help="How often, such as 30s, 5m, 2h or 1d.")] = "",
    cron: Annotated[str, typer.Option(help="When, as a cron expression in UTC: '0 3 * * *'.")] = "",
    *,
    off: Annotated[bool, typer.Option("--off", help="Remove the schedule.")] = False,
) -> None:
    """Schedule the pulls of a source; `sources list` shows the last pull and the next."""
    if [bool(every), bool(cron), off].count(True) != 1:
        raise typer.BadParameter("give one of --every, --cron and --off")
    try:
        schedule_text = None if off else schedules.every(every) if every else schedules.cron(cron)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--every" if every else "--cron") from None
    first = run(lambda sources: sources.schedule(org, source_id, schedule_text))
    if first is None:
        typer.echo(f"Source {source_id} has no schedule any more.")
    else:
        typer.echo(
            f"Source {source_id} is pulled {schedule_text}, the first time at {first:%Y-%m-%d %H:%M}Z."
        )


@app.command("disable")
def disable(source_id: SourceId, org: Org) -> None:
    """Refuse further deliveries and pulls of a source; its calls stay."""
    run(lambda sources: sources.disable(org, source_id))
    typer.echo(f"Source {source_id} is disabled.")


async def _listed(url: str, org: str) -> list[dict[str, Any]]:
    async with services(url, pool_size=1) as joined:
        schedules = await joined.sources.schedules(org)
        unread = await _unread(joined, org)
        return [
            {
                **_shown(one),
                **_pulled(schedules.get(one.id, PullSchedule())),
                "unread": unread.get(one.id, 0),
            }
            for one in await joined.sources.listed(org)
        ]


async def _unread(joined: Services, org: str) -> dict[str | None, int]:
    """How many payloads of each source are in the inbox."""
    counts = (await joined.run(await joined.keys.org(org), CountInbox())).counts
    unread: dict[str | None, int] = {}
    for one in counts:
        unread[one.source_id] = unread.get(one.source_id, 0) + one.unread
    return unread


def _read_stdin() -> _Secrets:
    try:
        return msgspec.json.decode(sys.stdin.buffer.read(64 * 1024), type=_Secrets)
    except msgspec.DecodeError as error:
        raise SourceProblem(f"standard input: {error}") from None


def _address(source: Source) -> str:
    return f"{Settings.read().public_url}/hooks/{source.address}"


def _pulled(found: PullSchedule) -> dict[str, Any]:
    return {
        "schedule": found.schedule,
        "last_pull_at": found.last_at,
        "next_pull_at": found.next_at,
        "pulling": found.running is True,
        "pull_problem": found.problem,
    }


def _shown(source: Source) -> dict[str, Any]:
    return {
        "org": source.org.name,
        "id": source.id,
        "vendor": source.vendor,
        "label": source.label,
        "address": _address(source),
        "signed": bool(source.secrets),
        "pulled": source.credential is not None,
        "created_at": source.created_at,
        "disabled_at": source.disabled_at,
    }
