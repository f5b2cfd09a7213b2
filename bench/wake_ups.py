"""What it costs to wake followers: commits of writers in as many orgs, with wake-ups and without."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import suppress

from bench.ratios import COMMITS, WAKE_UPS, WAKING_WRITERS, WITHOUT_WAKE_UPS
from bench.results import Row
from bench.writes import scratch
from trunkline.store.calls.writes import CallWriter
from trunkline.store.change_notifier import ChangeNotifier
from trunkline.store.changes import listen
from trunkline.store.keys import KeyStore
from trunkline.store.pool import open_pool

ROUNDS = 5
"""Of each, in turns, so that a slow moment of the machine meets both."""


async def wake_ups(url: str, seconds: float) -> list[Row]:
    """Transactions that take a place in their org's order of changes and commit, one writer in each org."""
    async with scratch(url, "wake_ups") as own:
        pool = await open_pool(own, WAKING_WRITERS + 1)
        woken = 0

        def wake(org_id: int | None) -> None:
            nonlocal woken
            woken += org_id is not None

        listening = asyncio.create_task(listen(own, wake))
        try:
            store = KeyStore(pool)
            orgs = [await store.ensure_org(f"writer-{number}") for number in range(WAKING_WRITERS)]
            notifier = ChangeNotifier(pool)
            waking, silent = CallWriter(pool, notifier.notify), CallWriter(pool, _nobody)
            await _commits(silent, orgs, seconds / ROUNDS)  # connections and plans are made
            found: dict[str, list[float]] = {WAKE_UPS: [], WITHOUT_WAKE_UPS: []}
            for _ in range(ROUNDS):
                for name, writer in ((WITHOUT_WAKE_UPS, silent), (WAKE_UPS, waking)):
                    found[name].append(await _commits(writer, orgs, seconds / ROUNDS))
            await notifier.flush()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            await pool.close()
    rows = [
        Row(
            subject=COMMITS,
            name=name,
            connections=WAKING_WRITERS,
            per_second=statistics.median(rates),
            unit="commits",
            note=f"median of {ROUNDS} rounds, in turns",
        )
        for name, rates in found.items()
    ]
    if woken == 0:
        rows[0].problem = "nobody was woken"
    return rows


def _nobody(_: int) -> None:
    """Wake nobody."""


async def _commits(writer: CallWriter, orgs: list[int], seconds: float) -> float:
    """How many transactions a second are committed."""
    count, began = 0, time.perf_counter()

    async def write(org_id: int) -> None:
        nonlocal count
        while time.perf_counter() - began < seconds:
            async with writer.transaction(org_id, 1):
                pass
            count += 1

    await asyncio.gather(*(write(org_id) for org_id in orgs))
    return count / (time.perf_counter() - began)
