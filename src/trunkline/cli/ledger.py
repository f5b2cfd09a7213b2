"""`trunkline ledger`: the calls that vendors list, compared with those that the log stores."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from trunkline.cli.inbox import unread_lines
from trunkline.cli.pull import instant
from trunkline.cli.tables import print_table
from trunkline.compose import database, services
from trunkline.model.faults import Refused
from trunkline.model.intents import ReadLedger
from trunkline.model.ledger import LedgerHour, LedgerPage
from trunkline.service.keys import KeyProblem
from trunkline.settings import Settings

_COUNTS = ("listed", "stored", "deleted", "missing", "late", "repaired")
_COLUMNS = ("hour", "vendor", "source", *_COUNTS, "checked")


def ledger(
    org: Annotated[str, typer.Option(help="The org.")],
    source: Annotated[str | None, typer.Option(help="One source; all of them by default.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Hours from then on; by default a day before the end.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Hours until then; by default now.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show per hour how many calls each vendor listed and how many are stored, and list what went wrong."""
    query = ReadLedger(
        source_id=_uuid(source),
        since=instant("--since", since, last=False),
        until=instant("--until", until, last=True),
    )
    page = asyncio.run(_read(database(Settings.read()), org, query))
    if as_json:
        typer.echo(msgspec.json.encode(page).decode())
        return
    print_table(_COLUMNS, [_row(hour) for hour in page.hours])
    for call in page.calls:
        name, when = f"{call.vendor} {call.vendor_call_id}", _minute(call.hour)
        typer.echo(f"{when}  {call.state:8}  {name}{f'  {call.reason}' if call.reason else ''}")
    if page.left_out:
        typer.echo(f"and {page.left_out} more: choose a shorter range")
    for line in unread_lines(page.unread):
        typer.echo(line)


def _uuid(text: str | None) -> str | None:
    try:
        return None if text is None else str(uuid.UUID(text))
    except ValueError:
        raise typer.BadParameter("a source's id is a UUID", param_hint="--source") from None


async def _read(url: str, org: str, query: ReadLedger) -> LedgerPage:
    async with services(url, pool_size=1) as joined:
        owner = await joined.keys.org(org)
        try:
            return await joined.run(owner, query)
        except Refused as error:
            raise KeyProblem(error.detail) from None


def _row(hour: LedgerHour) -> list[object]:
    checked = None if hour.checked_at is None else _minute(hour.checked_at)
    counts = [getattr(hour, name) for name in _COUNTS]
    return [_minute(hour.hour), hour.vendor, hour.source_id, *counts, checked]


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"
