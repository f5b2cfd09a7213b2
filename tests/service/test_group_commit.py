"""Writes that wait: each org has half of the room, and what is refused says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec import structs

from tests.conftest import World
from trunkline.model.faults import Fault, Refused
from trunkline.model.sighting import Sighting
from trunkline.service.group_commit import GroupCommit
from trunkline.service.limits import OrgLimits, Shares
from trunkline.service.received import Received, Result, State


def seen(name: str, raw: bytes | None = None) -> Received:
    return Received(Sighting(vendor="elsewhere", vendor_call_id=name), raw)


def limits(writes: int, write_bytes: int) -> OrgLimits:
    return structs.replace(
        OrgLimits.of(4),
        writes=Shares("writes", capacity=2 * writes, share=writes),
        write_bytes=Shares("bytes of writes", capacity=2 * write_bytes, share=write_bytes),
    )


@pytest.mark.parametrize(
    ("writes", "write_bytes", "text"),
    [
        (10, 10_000, "your org has 10 writes under way; try again when some have ended"),
        (1000, 10, "your org has 10 bytes of writes under way; try again when some have ended"),
    ],
)
def test_an_org_that_brings_too_much_is_refused_and_another_one_is_not(
    writes: int, write_bytes: int, text: str, new_world: Callable[..., World]
) -> None:
    hostile, quiet = new_world(), new_world()
    bounds = limits(writes, write_bytes)
    commits = GroupCommit(hostile.joined.intake, bounds)

    async def bring() -> list[list[Result] | BaseException]:
        asked = [commits.ingest(hostile.org, [seen(f"call-{number}", b"1")]) for number in range(15)]
        asked.append(commits.ingest(quiet.org, [seen("call", b"1")]))
        return await asyncio.gather(*asked, return_exceptions=True)

    *theirs, mine = hostile.run(bring())
    refused = [one for one in theirs if isinstance(one, Refused)]
    assert len(refused) == 5
    assert {(one.fault, one.detail) for one in refused} == {(Fault.UNAVAILABLE, text)}
    assert isinstance(mine, list)
    assert mine[0].state is State.NEW
    assert (bounds.writes.usage.held, bounds.write_bytes.usage.held) == (0, 0)


def test_what_has_no_payload_and_what_is_larger_than_a_share_are_stored(world: World) -> None:
    bounds = limits(2, 2)
    commits = GroupCommit(world.joined.intake, bounds)

    async def bring() -> list[list[Result]]:
        large = [seen(f"large-{number}", b"a long payload") for number in range(5)]
        return [
            *await asyncio.gather(
                commits.ingest(world.org, [seen("a")]), commits.ingest(world.org, [seen("b")])
            ),
            await commits.ingest(world.org, large),
        ]

    states = [result.state for results in world.run(bring()) for result in results]
    assert states == [State.NEW] * 7
    assert (bounds.writes.usage.held, bounds.write_bytes.usage.held) == (0, 0)
