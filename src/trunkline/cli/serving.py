"""`trunkline serve`, `migrate` and `demo`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from trunkline import compose
from trunkline.demo.log import Shown, fill
from trunkline.dialects import dialects
from trunkline.settings import Settings
from trunkline.store.embedded import start_embedded
from trunkline.store.migrations import migrate as migrate_database

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Server processes.")] = 1,
) -> None:
    """Serve the log through every dialect."""
    from trunkline.api.serve import serve as run

    url = compose.database(Settings.read())
    asyncio.run(compose.check(url))
    typer.echo(f"Trunkline serves on http://{host}:{port}", err=True)
    run(url, host=host, port=port, workers=workers)


def migrate() -> None:
    """Bring the database's tables to this version."""
    settings = Settings.read()
    url = settings.database_url or start_embedded(settings.home)
    before, after = asyncio.run(migrate_database(url))
    typer.echo(f"The database is at revision {after}" + (", as before." if before == after else "."))


def demo(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Fill a log with some two thousand made-up calls, serve it, and print a curl line for each dialect."""
    from trunkline.api.serve import serve as run

    settings = Settings.read()
    url = settings.database_url or start_embedded(settings.home / "demo")
    asyncio.run(migrate_database(url))
    shown = asyncio.run(_filled(url))
    typer.echo(f"{shown.calls} calls in {len(shown.orgs)} orgs: {', '.join(shown.orgs)}\n")
    for name, headers in shown.headers.items():
        dialect = dialects()[name]
        listing = dialect.operations[0]
        prefix = "" if dialect.at_root else f"/{name}"
        query = f"?{listing.example}" if listing.example else ""
        worn = "".join(f" \\\n  -H {header!r}" for header in (f"{k}: {v}" for k, v in headers.items()))
        typer.echo(f'# {dialect.title}\ncurl -s "http://{host}:{port}{prefix}{listing.path}{query}"{worn}\n')
    typer.echo(f"All dialects, with their documentation: http://{host}:{port}/")
    typer.echo("Stop with Ctrl-C.\n")
    run(url, host=host, port=port, workers=1)


async def _filled(url: str) -> Shown:
    async with compose.services(url) as joined:
        return await fill(joined.intake, joined.keys, joined.calls, dialects())
