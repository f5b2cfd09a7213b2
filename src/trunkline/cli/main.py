"""The `trunkline` command: its subcommands, and errors reported in one sentence."""

from __future__ import annotations

import sys

import asyncpg
import typer

from trunkline import __version__
from trunkline.cli import (
    export,
    imports,
    inbox,
    index,
    jobs,
    keys,
    ledger,
    pull,
    recordings,
    reprocess,
    serve,
    sources,
    totals,
    work,
)
from trunkline.compose import SchemaBehind
from trunkline.service.keys import KeyProblem
from trunkline.service.sources import SourceProblem
from trunkline.settings import SettingError

app = typer.Typer(
    name="trunkline",
    help="One call log for every voice agent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("work")(work.work)
app.command("migrate")(serve.migrate)
app.command("demo")(serve.demo)
app.command("import")(imports.import_files)
app.command("export")(export.export)
app.command("pull")(pull.pull)
app.command("ledger")(ledger.ledger)
app.command("index")(index.index)
app.command("reprocess")(reprocess.reprocess)
app.add_typer(inbox.app, name="inbox")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(recordings.app, name="recordings")
app.add_typer(sources.app, name="sources")
app.add_typer(totals.app, name="totals")


@app.callback(invoke_without_command=True)
def version(*, show: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """One call log for every voice agent."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


EXPECTED = (
    SettingError,
    SchemaBehind,
    KeyProblem,
    SourceProblem,
    RuntimeError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
"""Errors that are not bugs of ours; the message says what to do."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except EXPECTED as error:
        typer.echo(f"trunkline: {error}", err=True)
        sys.exit(2)
