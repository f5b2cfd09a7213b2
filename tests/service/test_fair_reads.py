"""Reads of one org beside those of another, on a real database: nobody waits behind a crowd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.conftest import World
from trunkline.model.faults import Refused
from trunkline.model.intents import GetCall, ListCalls
from trunkline.model.query import After, CallFilter
from trunkline.service.calls import Org

CROWD = 200

PAGE = ListCalls(filter=CallFilter(), window=After(20))


@pytest.mark.parametrize("intent", [PAGE, GetCall(printed_id="00000000-0000-4000-8000-000000000001")])
def test_a_request_is_answered_before_a_crowd_that_came_first(
    intent: ListCalls | GetCall, new_world: Callable[..., World]
) -> None:
    crowded, quiet = new_world(), new_world()
    run, crowd_org, quiet_org = crowded.joined.run, crowded.org, quiet.org

    async def ask(org: Org) -> None:
        if isinstance(intent, ListCalls):
            await run(org, intent)
        else:
            with pytest.raises(Refused, match="CALL_NOT_FOUND"):
                await run(org, intent)

    async def beside_a_crowd() -> tuple[int, int]:
        # Every connection has prepared the statement, which takes as long as a hundred answers.
        await asyncio.gather(*(ask(org) for org in (crowd_org, quiet_org) * 10))
        crowd = [asyncio.create_task(ask(crowd_org)) for _ in range(CROWD)]
        await asyncio.sleep(0)
        await ask(quiet_org)
        before = sum(task.done() for task in crowd)
        await asyncio.gather(*crowd)
        return before, len(crowd)

    before, all_of_them = crowded.run(beside_a_crowd())
    # Those that had begun may end first, and a few that begin while the quiet org's statement runs.
    assert before < all_of_them / 10
