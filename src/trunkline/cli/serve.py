"""`trunkline serve`, `migrate` and `demo`."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated

import typer

from trunkline import compose
from trunkline.cli.counts import counted
from trunkline.demo.log import DemoSummary, fill
from trunkline.logs import set_up_logs
from trunkline.settings import SettingError, Settings
from trunkline.vendors import dialects

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Server processes.")] = 1,
) -> None:
    """Serve the log through every dialect."""
    from trunkline.api.server import serve as run

    settings = Settings.read()
    _check_hosts(settings)
    set_up_logs(settings.log_level)
    url = compose.database(settings, watch=True)
    asyncio.run(compose.check(url))
    typer.echo(f"Trunkline serves on http://{host}:{port}", err=True)
    run(url, host=host, port=port, workers=workers, with_bulkhead=settings.bulkhead)


def _check_port(host: str, port: int) -> None:
    """Check that a port is free before anything is written; raises `OSError`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _check_hosts(settings: Settings) -> None:
    unknown = sorted(set(settings.hosts.values()) - set(dialects()))
    if unknown:
        there = ", ".join(dialects())
        raise SettingError(f"TRUNKLINE_HOSTS names {', '.join(unknown)}; the dialects are {there}")


def migrate() -> None:
    """Bring the database's tables to this version."""
    settings = Settings.read()
    before, after = compose.migrate_database(settings, report=typer.echo)
    typer.echo(f"The database is at revision {after}" + (", as before." if before == after else "."))


def demo(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Fill a log with some two thousand made-up calls, serve it, and print a curl line for each dialect."""
    from trunkline.api.server import serve as run

    settings = Settings.read()
    _check_hosts(settings)
    _check_port(host, port)
    set_up_logs(settings.log_level)
    url = compose.demo_database(settings)
    summary = asyncio.run(_filled(url))
    orgs = f"{counted(len(summary.orgs), 'org')}: {', '.join(summary.orgs)}"
    typer.echo(f"{counted(summary.calls, 'call')} in {orgs}\n")
    base = f"http://{host}:{port}"
    for name, headers in summary.headers.items():
        listing = dialects()[name].operations[0]
        query = f"?{listing.example}" if listing.example else ""
        typer.echo(f"# {dialects()[name].title}\n{_curl(base, name, listing.path + query, headers)}\n")
    typer.echo("# One call in the form of each dialect")
    for name, printed_id in summary.one_call.items():
        path = dialects()[name].operations[1].path.replace("{id}", printed_id)
        typer.echo(_curl(base, name, path, summary.mixed_headers[name]))
    typer.echo(f"\nAll dialects, with their documentation: {base}/")
    typer.echo("Stop with Ctrl-C.\n")
    run(url, host=host, port=port, workers=1, with_bulkhead=settings.bulkhead)


def _curl(base: str, dialect: str, path: str, headers: dict[str, str]) -> str:
    prefix = "" if dialects()[dialect].at_root else f"/{dialect}"
    options = "".join(f" \\\n  -H '{name}: {value}'" for name, value in headers.items())
    return f'curl -s "{base}{prefix}{path}"{options}'


async def _filled(url: str) -> DemoSummary:
    async with compose.services(url) as joined:
        return await fill(joined.intake, joined.keys, joined.run, dialects())
