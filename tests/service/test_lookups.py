"""Guesses wait in a short queue; known keys do not."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.model.faults import Fault, Refused
from trunkline.service import lookups as module
from trunkline.service.lookups import MAX_AT_ONCE, MAX_WAITING, Lookups


def test_few_guesses_are_looked_up_at_once_and_few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def guess() -> None:
        lookups: Lookups[str] = Lookups()
        running, most, go_on, busy = 0, 0, asyncio.Event(), asyncio.Event()

        async def nothing() -> str | None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == MAX_AT_ONCE:
                busy.set()
            await go_on.wait()
            running -= 1
            return None

        async def known() -> str:
            return "known"

        assert await lookups.find(b"known", known) == "known"
        monkeypatch.setattr(module, "LOOKUP_SECONDS", -1.0)  # a found record is to be looked up again
        assert await lookups.find(b"known", known) == "known"
        guesses = [
            asyncio.create_task(lookups.find(str(number).encode(), nothing))
            for number in range(MAX_WAITING + 50)
        ]
        await busy.wait()
        assert await lookups.find(b"known", known) == "known", "it does not wait in line"
        with pytest.raises(Refused) as refused:
            await lookups.find(b"one more", nothing)
        assert refused.value.fault is Fault.UNAVAILABLE
        go_on.set()
        found = await asyncio.gather(*guesses, return_exceptions=True)
        assert most == MAX_AT_ONCE
        assert found.count(None) == MAX_WAITING
        assert sum(isinstance(one, Refused) for one in found) == 50
        assert lookups.refused == 51
        assert await lookups.find(b"one more", nothing) is None, "the line is empty again"

    asyncio.run(guess())


def test_what_was_found_is_not_looked_up_again_until_it_is_forgotten() -> None:
    async def find() -> None:
        lookups: Lookups[str] = Lookups()
        asked = []

        async def look() -> str:
            asked.append(1)
            return "found"

        for _ in range(3):
            assert await lookups.find(b"one", look) == "found"
        assert len(asked) == 1
        lookups.forget()
        assert await lookups.find(b"one", look) == "found"
        assert len(asked) == 2

    asyncio.run(find())
