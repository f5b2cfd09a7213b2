"""A log that has just been set up: its first calls are looked up as quickly as later ones."""

from __future__ import annotations

import asyncio

from msgspec import structs

from tests.api.own_database import own_database
from tests.vendors.conftest import some_calls
from trunkline.compose import Services, services
from trunkline.model.ids import call_id
from trunkline.model.sighting import sighting_of
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.calls.current import KNOWN
from trunkline.store.keys import KeyStore


async def write(joined: Services, org: Org, first: int, count: int) -> None:
    (call,) = some_calls("trunkline", 1)
    calls = [
        structs.replace(call, id=call_id("new", str(one)), vendor="new", vendor_call_id=str(one))
        for one in range(first, first + count)
    ]
    await joined.intake.ingest(org, [Received(sighting_of(one)) for one in calls], "test")


async def plan(joined: Services, org: Org) -> str:
    """How calls are looked up before they are merged into, on the one connection that there is."""
    names = [str(one) for one in range(100)]
    rows = await joined.pool.fetch(f"EXPLAIN {KNOWN}", org.id, ["new"] * 100, names, [True] * 100)
    return "\n".join(row[0] for row in rows)


def test_calls_are_looked_up_by_their_name_after_a_few_hundred() -> None:
    async def run(url: str) -> tuple[str, str]:
        async with services(url, pool_size=1) as joined:
            org = Org(await KeyStore(joined.pool).ensure_org("new"), "new")
            await write(joined, org, 0, 150)
            before = await plan(joined, org)
            await write(joined, org, 150, 100)
            return before, await plan(joined, org)

    with own_database() as database:
        before, after = asyncio.run(run(database.url))
    assert "calls_by_vendor_id" in after
    assert before != after
