"""`trunkline keys`: creating, importing, listing and revoking keys."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import msgspec
import typer

from trunkline.cli.tables import print_table
from trunkline.compose import database, services
from trunkline.service.keys import KeyProblem, Keys
from trunkline.settings import Settings
from trunkline.vendors import dialects

app = typer.Typer(help="Keys to an org's calls. Only hashes are stored.", no_args_is_help=True)

T = TypeVar("T")

Org = Annotated[str, typer.Option(help="The org whose calls the key gives access to; created if it is new.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Label = Annotated[str, typer.Option(help="A note to recognise the key by.")]
Scopes = Annotated[str, typer.Option(help="One or more of read, write, admin, separated by commas.")]
Addresses = Annotated[
    list[str] | None,
    typer.Option("--allow-ip", help="An address or network that may use the key; repeatable."),
]


def run(action: Callable[[Keys], Awaitable[T]]) -> T:
    """Run an action with the key service."""

    async def inner(url: str) -> T:
        async with services(url, pool_size=1) as joined:
            return await action(joined.keys)

    return asyncio.run(inner(database(Settings.read())))


@app.command("create")
def create(
    org: Org,
    scopes: Scopes = "read,write",
    label: Label = "",
    expires: Annotated[
        str, typer.Option(help="How long the key is valid, such as 12h or 90d; without it for ever.")
    ] = "",
    allow_ip: Addresses = None,
    *,
    as_json: Json = False,
) -> None:
    """Create a key and print, for each dialect, the exact headers to send. It is shown only this once."""
    made = run(
        lambda keys: keys.create(
            org,
            scopes=[scope.strip() for scope in scopes.split(",")],
            label=label,
            lifetime=_lifetime(expires),
            addresses=allow_ip or (),
        )
    )
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
        return
    typer.echo(f"Key {made.id} of org {made.org}. It is shown only this once.")
    for name, headers in made.headers.items():
        typer.echo(f"\n{dialects()[name].title}")
        for header, value in headers.items():
            typer.echo(f"  {header}: {value}")


@app.command("import")
def import_key(
    org: Org,
    dialect: Annotated[str, typer.Option(help="The dialect whose clients send the key.")],
    scopes: Scopes = "read",
    label: Label = "",
    allow_ip: Addresses = None,
    *,
    as_json: Json = False,
) -> None:
    """Import a key that clients already use, from standard input: the key, then its secret if it has one."""
    if dialect not in dialects():
        raise KeyProblem(f"there is no dialect {dialect!r}; there are {', '.join(dialects())}")
    text = sys.stdin.buffer.read(2048).decode("ascii", "replace")
    token, _, secret = text.strip().partition("\n")
    key_id = run(
        lambda keys: keys.import_key(
            org,
            dialect,
            token.strip(),
            secret.strip() or None,
            scopes=[scope.strip() for scope in scopes.split(",")],
            label=label,
            addresses=allow_ip or (),
        )
    )
    typer.echo(
        msgspec.json.encode({"org": org, "id": key_id, "dialect": dialect}).decode()
        if as_json
        else f"Imported as key {key_id} of org {org}, for {dialects()[dialect].title} only."
    )


@app.command("list")
def listed(org: Annotated[str, typer.Option(help="The org.")], *, as_json: Json = False) -> None:
    """List an org's keys; the keys themselves cannot be shown again."""
    found = run(lambda keys: keys.listed(org))
    if as_json:
        typer.echo(msgspec.json.encode({"org": org, "keys": found}).decode())
        return
    columns = (
        "id",
        "label",
        "dialect",
        "scopes",
        "addresses",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    print_table(columns, [[getattr(key, column) for column in columns] for key in found])


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    org: Annotated[str, typer.Option(help="The org.")],
) -> None:
    """Revoke a key; the next request with it is refused."""
    if not re.fullmatch(r"[0-9a-f-]{36}", key_id) or not run(lambda keys: keys.revoke(org, key_id)):
        raise KeyProblem(f"org {org} has no valid key {key_id}")
    typer.echo(f"Key {key_id} is revoked.")


def _lifetime(text: str) -> timedelta | None:
    if not text:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if match is None:
        raise KeyProblem("a lifetime looks like 30m, 12h or 90d")
    unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})
