"""`trunkline work`: background work without serving."""

from __future__ import annotations

import asyncio
import signal

import typer

from trunkline import compose
from trunkline.logs import set_up_logs
from trunkline.settings import Settings


def work() -> None:
    """Do background work until stopped: indexing, recordings, scheduled pulls, clean-up.

    Servers do it too, unless TRUNKLINE_WORK is false; any number of processes share it.
    """
    settings = Settings.read()
    set_up_logs(settings.log_level)
    asyncio.run(_work(compose.database(settings, watch=True), settings))


async def _work(url: str, settings: Settings) -> None:
    async with (
        compose.services(url, settings=settings) as joined,
        compose.open_worker(joined, settings, url) as worker,
    ):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, worker.stop)
        typer.echo("Trunkline does background work; stop with Ctrl-C.", err=True)
        await worker.run()
