"""`trunkline inbox`: payloads that could not be read, or that name no call."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated, TypeVar

import msgspec
import typer

from trunkline.cli.tables import print_table
from trunkline.compose import database, services
from trunkline.model.faults import Fault, Refused
from trunkline.model.inbox import (
    DropInbox,
    GetInboxPayload,
    InboxCount,
    InboxPage,
    InboxPosition,
    InboxState,
    ListInbox,
    RetryInbox,
)
from trunkline.service import calls
from trunkline.service.keys import KeyProblem
from trunkline.service.run import Run
from trunkline.settings import Settings

app = typer.Typer(help="Payloads that could not be read, or that name no call.", no_args_is_help=True)

_COLUMNS = (
    "id",
    "received_at",
    "source",
    "vendor",
    "kind",
    "state",
    "times",
    "size_bytes",
    "place",
    "reason",
)
_SHOWN = 20

Org = Annotated[str, typer.Option(help="The org.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="The payloads' ids, as `inbox list` shows them.")
]
SourceId = Annotated[str | None, typer.Option("--source", help="Only payloads of this source.")]
Vendor = Annotated[str | None, typer.Option(help="Only payloads that were read in this vendor's form.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def listed(
    org: Org,
    source: SourceId = None,
    vendor: Vendor = None,
    state: Annotated[
        InboxState | None, typer.Option(help="Only what could not be read, or only what names no call.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 50,
    after: Annotated[
        str, typer.Option(help="The id of the last payload that was shown; the list goes on after it.")
    ] = "",
    *,
    as_json: Json = False,
) -> None:
    """List the payloads of an org's inbox, what arrived last first, and how many each source has."""
    source_id = None if source is None else _uuid(source)

    async def read(run: Run, owner: calls.Org) -> InboxPage:
        position = None
        if after:
            last = (await run(owner, GetInboxPayload(_uuid(after)))).entry
            position = InboxPosition(last.received_at, last.id)
        intent = ListInbox(
            limit=limit,
            after=position,
            org=org,
            source_id=source_id,
            vendor=vendor,
            state=state,
            with_total=True,
        )
        return await run(owner, intent)

    page = _run(org, read)
    if as_json:
        fields = {"org": org, "payloads": page.entries, "has_more": page.has_more, "total": page.total}
        typer.echo(msgspec.json.encode({**fields, "sources": page.counts}).decode())
        return
    print_table(_COLUMNS, [[getattr(one, name) for name in _COLUMNS] for one in page.entries])
    if page.has_more:
        typer.echo(f"{page.total} in all; go on with --after {page.entries[-1].id}")
    for line in unread_lines(page.counts):
        typer.echo(line)


@app.command("show")
def show(
    payload: Annotated[str, typer.Argument(metavar="ID", help="The payload's id.")],
    org: Org,
    *,
    as_json: Json = False,
) -> None:
    """Print one payload as it arrived; what is known of it goes to standard error."""
    content = _run(org, lambda run, owner: run(owner, GetInboxPayload(_uuid(payload))))
    if as_json:
        fields = msgspec.to_builtins(content.entry)
        typer.echo(msgspec.json.encode({**fields, **_printed(content.body)}).decode())
        return
    for name in ("id", *_COLUMNS[1:], "event", "content_type", "last_received_at"):
        if value := getattr(content.entry, name):
            typer.echo(f"{name:<17} {value}", err=True)
    sys.stdout.buffer.write(content.body)
    sys.stdout.buffer.write(b"" if content.body.endswith(b"\n") else b"\n")
    sys.stdout.buffer.flush()


@app.command("retry")
def retry(
    org: Org,
    ids: Ids = None,
    source: SourceId = None,
    vendor: Vendor = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Read all payloads again.")] = False,
    as_json: Json = False,
) -> None:
    """Read payloads again with the readers of today; those that can be read become calls.

    The exit status is 1 if any stays in the inbox.
    """
    _chosen(ids, source, vendor, everything=everything)
    source_id = None if source is None else _uuid(source)
    intent = RetryInbox(ids=_uuids(ids), source_id=source_id, vendor=vendor)
    result = _run(org, lambda run, owner: run(owner, intent))
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        typer.echo(f"{result.read} read, with {result.calls} calls; {len(result.unread)} stay in the inbox")
        for one in result.unread[:_SHOWN]:
            typer.echo(f"  {one.id}  {one.reason}", err=True)
        if len(result.unread) > _SHOWN:
            typer.echo(f"  and {len(result.unread) - _SHOWN} more; --json lists all", err=True)
    if result.unread:
        raise typer.Exit(1)


@app.command("drop")
def drop(
    org: Org,
    ids: Ids = None,
    source: SourceId = None,
    vendor: Vendor = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Delete all payloads.")] = False,
    as_json: Json = False,
) -> None:
    """Delete payloads for good."""
    _chosen(ids, source, vendor, everything=everything)
    source_id = None if source is None else _uuid(source)
    intent = DropInbox(ids=_uuids(ids), source_id=source_id, vendor=vendor)
    result = _run(org, lambda run, owner: run(owner, intent))
    typer.echo(
        msgspec.json.encode(result).decode() if as_json else f"{result.count} payloads are deleted for good."
    )


def unread_lines(counts: Sequence[InboxCount]) -> Iterator[str]:
    """What each source has in the inbox, and what had to be dropped, a line for each."""
    for one in counts:
        name = f"{one.source} {one.source_id}" if one.source_id else one.source
        source = f"{name} ({one.vendor})" if one.vendor and one.vendor != one.source else name
        if one.unread:
            yield (
                f"unread: {source}  {one.unreadable} unreadable, {one.no_call} without a call,"
                f" {one.size_bytes} bytes"
            )
        if one.dropped:
            yield (
                f"dropped: {source}  {one.dropped} since the inbox was full,"
                f" the last at {one.last_dropped_at:%Y-%m-%d %H:%M}Z"
            )


def _printed(body: bytes) -> dict[str, object]:
    try:
        return {"payload": body.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": body}


def _chosen(ids: list[str] | None, source: str | None, vendor: str | None, *, everything: bool) -> None:
    if [bool(ids), source is not None or vendor is not None, everything].count(True) != 1:
        raise typer.BadParameter("give ids, or --source or --vendor, or --all")


def _uuids(ids: list[str] | None) -> list[str] | None:
    return [_uuid(one) for one in ids] if ids else None


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a UUID") from None


T = TypeVar("T")


def _run(org: str, action: Callable[[Run, calls.Org], Awaitable[T]]) -> T:
    async def inner(url: str) -> T:
        async with services(url, pool_size=2) as joined:
            owner = await joined.keys.org(org)
            try:
                return await action(joined.run, owner)
            except Refused as refused:
                if refused.fault is Fault.PAYLOAD_NOT_FOUND:
                    raise KeyProblem(f"the inbox of org {org} has no payload {refused.detail}") from None
                raise KeyProblem(refused.detail) from None

    return asyncio.run(inner(database(Settings.read())))
