"""Upgrade steps: what is done with stored calls after the tables were changed.

A migration changes tables at once and records in `upgrade_steps` what is left to do for each org. That is
done in batches, each in a transaction, and may be interrupted: the next `trunkline migrate` continues. A step
that is run again finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from trunkline.store.calls.rows import call_of
from trunkline.store.columns import UPGRADE, values_of
from trunkline.store.queries import queries
from trunkline.store.totals.periods import BEGINNING
from trunkline.store.totals.totals import mend

BATCH = 2000
"""Calls that are changed in one transaction."""

_LOCK = 7_204_912
"""Key of the advisory lock that keeps two processes from upgrading at once."""

_START = BEGINNING, UUID(int=0)


async def is_pending(connection: asyncpg.Connection) -> bool:
    """Whether any step is left."""
    named = queries("upgrade")
    known = await connection.fetchval(named["is_known"])
    return bool(known and await connection.fetchval(named["is_pending"]))


async def finish(connection: asyncpg.Connection, report: Callable[[str], None]) -> None:
    """Run the steps that are left, and report in a sentence what was changed in which org."""
    named = queries("upgrade")
    await connection.execute(named["lead"], _LOCK, timeout=None)
    pending = await connection.fetch(named["pending"])
    changed = 0
    for step, (work, sentence) in STEPS.items():
        for row in pending:
            if row["step"] == step:
                count = await work(connection, row["org_id"])
                await connection.execute(named["done"], row["org_id"], step)
                changed += count
                if count:
                    report(f"{row['name']}: {count} {sentence}")
    unknown = {row["step"] for row in pending} - STEPS.keys()
    if unknown:
        raise RuntimeError(f"unknown upgrade steps: {', '.join(sorted(unknown))}")
    if changed:
        await connection.execute(queries("writes")["analyze"], timeout=None)


async def _sequence(connection: asyncpg.Connection, org_id: int) -> int:
    created_at, call_id = _START
    done = 0
    while True:
        async with connection.transaction():
            await connection.execute(queries("upgrade")["hold"], org_id)
            last = await connection.fetchrow(
                queries("upgrade")["sequence"], org_id, created_at, call_id, BATCH, timeout=None
            )
        if last is None:
            return done
        created_at, call_id = last["created_at"], last["id"]
        done += last["count"]


async def _columns(connection: asyncpg.Connection, org_id: int) -> int:
    _, call_id = _START
    done = 0
    while rows := await connection.fetch(queries("upgrade")["calls"], org_id, call_id, BATCH, timeout=None):
        values = [(*values_of(call_of(row["body"], row["transcript"])), row["revision"]) for row in rows]
        arrays = [list(column) for column in zip(*values, strict=True)]
        status: str = await connection.execute(_COLUMNS, org_id, *arrays, timeout=None)
        done += int(status.rpartition(" ")[2])
        call_id = rows[-1]["id"]
    return done


_COLUMNS = queries("upgrade")["columns"].format(**UPGRADE)


async def _totals(connection: asyncpg.Connection, org_id: int) -> int:
    return await mend(connection, org_id)


async def _words(connection: asyncpg.Connection, org_id: int) -> int:
    async with connection.transaction():
        await connection.execute(queries("upgrade")["hold"], org_id)
        status: str = await connection.execute(queries("upgrade")["words"], org_id, timeout=None)
    return int(status.rpartition(" ")[2])


Step = Callable[[asyncpg.Connection, int], Awaitable[int]]
STEPS: dict[str, tuple[Step, str]] = {
    "sequence": (_sequence, "calls got a sequence number"),
    "columns": (_columns, "calls got the new columns"),
    "totals": (_totals, "totals differed from a recount and were corrected"),
    "words": (_words, "transcripts are to be indexed, which a server or `trunkline index` does"),
}
"""The steps in their order, each with the sentence that reports how many rows it changed."""
