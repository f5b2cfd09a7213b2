"""Limits: never too many at once, never more than an org's share, no waiter lost, and orgs served in turn."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct

from trunkline.model.faults import Fault, Refused
from trunkline.service.limits import OrgLimits, Shares

ORGS = st.integers(min_value=1, max_value=4)


class Request(Struct, eq=False):
    """One request for units, and its result."""

    org_id: int
    amount: int
    task: asyncio.Task[None] | None = None
    holds: bool = False
    has_waited: bool = False
    was_quiet: bool = False
    """Whether its org held nothing and waited for nothing when it came."""
    before: Counter[int] = Counter()
    """How often other orgs were served since it came."""


class Orgs(RuleBasedStateMachine):
    """Orgs that acquire units, release them, and cancel while they wait."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.holding: list[Request] = []
        self.waiting: dict[int, list[Request]] = defaultdict(list)
        self.served: list[Request] = []

    @initialize(share=st.integers(1, 4), others=st.integers(0, 6))
    def limit(self, share: int, others: int) -> None:
        self.shares = Shares("things", capacity=share + others, share=share, waiting=5, wait_seconds=3600)

    @rule(org_id=ORGS, amount=st.integers(1, 3))
    def ask(self, org_id: int, amount: int) -> None:
        amount = min(amount, self.shares.share)
        queue = self.waiting[org_id]
        request = Request(org_id, amount, before=Counter())
        request.was_quiet = not queue and not self.shares.held(org_id)
        could = self.fits(org_id, amount) and not queue and not self.is_reserved()
        request.task = self.loop.create_task(self.hold(request))
        self.settle()
        assert request.holds == could
        if request.holds:
            return
        if request.task.done():
            with pytest.raises(Refused):
                request.task.result()
            assert len(queue) == 5
        else:
            request.has_waited = True
            queue.append(request)

    @rule(org_id=ORGS, amount=st.integers(1, 3))
    def ask_without_waiting(self, org_id: int, amount: int) -> None:
        could = self.fits(org_id, amount) and not self.waiting[org_id] and not self.is_reserved()
        try:
            self.shares.take(org_id, amount)
        except Refused:
            assert not could
        else:
            assert could
            self.note(Request(org_id, amount))
            self.settle()

    @precondition(lambda self: self.holding)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.holding))
        self.holding.remove(request)
        self.shares.release(request.org_id, request.amount)
        self.settle()

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def go_away(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from([one for queue in self.waiting.values() for one in queue]))
        self.waiting[request.org_id].remove(request)
        assert request.task is not None
        request.task.cancel()
        self.settle()
        assert request.task.cancelled()
        assert not request.holds

    @precondition(lambda self: self.holding and any(self.waiting.values()))
    @rule(data=st.data())
    def go_away_in_the_moment_of_being_served(self, data: st.DataObject) -> None:
        leaving = data.draw(st.sampled_from([one for queue in self.waiting.values() for one in queue]))
        request = data.draw(st.sampled_from(self.holding))
        self.holding.remove(request)
        self.waiting[leaving.org_id].remove(leaving)
        assert leaving.task is not None
        if data.draw(st.booleans()):
            leaving.task.cancel()
            self.shares.release(request.org_id, request.amount)
        else:
            self.shares.release(request.org_id, request.amount)
            leaving.task.cancel()
        self.settle()
        assert leaving.task.cancelled()
        assert not leaving.holds

    @invariant()
    def no_more_are_held_than_there_are(self) -> None:
        if not hasattr(self, "shares"):
            return
        held = Counter[int]()
        for request in self.holding:
            held[request.org_id] += request.amount
        assert sum(held.values()) <= self.shares.capacity
        assert all(amount <= self.shares.share for amount in held.values())
        assert {org_id: self.shares.held(org_id) for org_id in held} == held
        usage = self.shares.usage
        assert (usage.held, usage.waiting) == (sum(held.values()), sum(map(len, self.waiting.values())))

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        if not hasattr(self, "shares"):
            return
        first = [queue[0] for queue in self.waiting.values() if queue]
        eligible = [one for one in first if self.shares.held(one.org_id) + one.amount <= self.shares.share]
        free = self.shares.capacity - sum(one.amount for one in self.holding)
        assert not eligible or any(one.amount > free for one in eligible)
        if all(one.amount == 1 for one in eligible):
            assert not eligible or free == 0

    @invariant()
    def a_quiet_org_is_behind_no_more_than_one_turn_of_each_other(self) -> None:
        for request in self.served:
            if request.was_quiet and request.has_waited:
                assert all(times <= 1 for times in request.before.values())
        self.served.clear()

    def teardown(self) -> None:
        for queue in self.waiting.values():
            for request in queue:
                assert request.task is not None
                request.task.cancel()
        self.settle()
        for request in self.holding:
            self.shares.release(request.org_id, request.amount)
        if hasattr(self, "shares"):
            assert (self.shares.usage.held, self.shares.usage.waiting) == (0, 0)
        self.loop.close()

    # -- what the orgs do -------------------------------------------------

    async def hold(self, request: Request) -> None:
        await self.shares.acquire(request.org_id, request.amount)
        queue = self.waiting[request.org_id]
        if request in queue:
            assert queue[0] is request  # of one org the first that came is served first
            queue.pop(0)
        request.holds = True
        self.note(request)

    def note(self, request: Request) -> None:
        self.holding.append(request)
        self.served.append(request)
        for org_id, queue in self.waiting.items():
            if org_id != request.org_id:
                for one in queue:
                    one.before[request.org_id] += 1

    def fits(self, org_id: int, amount: int) -> bool:
        held = self.shares.held(org_id) + amount
        total = sum(one.amount for one in self.holding) + amount
        return held <= self.shares.share and total <= self.shares.capacity

    def is_reserved(self) -> bool:
        first = [queue[0] for queue in self.waiting.values() if queue]
        return any(self.shares.held(one.org_id) + one.amount <= self.shares.share for one in first)

    def settle(self) -> None:
        async def step() -> None:
            for _ in range(6):
                await asyncio.sleep(0)

        self.loop.run_until_complete(step())


Orgs.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOrgs = Orgs.TestCase


# -- what a refusal says --------------------------------------------------


@contextmanager
def refused() -> Iterator[list[Refused]]:
    found: list[Refused] = []
    with pytest.raises(Refused) as caught:
        yield found
    assert caught.value.fault is Fault.UNAVAILABLE
    found.append(caught.value)


def test_an_org_that_has_its_share_learns_how_much_that_is() -> None:
    shares = Shares("long answers", capacity=4, share=3)
    for _ in range(3):
        shares.take(1)
    with refused() as found:
        shares.take(1)
    assert found[0].detail == "your org has 3 long answers under way; try again when some have ended"
    shares.take(2)
    with refused() as found:
        shares.take(2)
    assert found[0].detail == "the server has 4 long answers under way for all orgs; try again"
    assert shares.usage.refused == 2


async def _waits_in_vain() -> Refused:
    shares = Shares("long answers", capacity=2, share=1, waiting=1, wait_seconds=0.001)
    shares.take(1)
    with pytest.raises(Refused) as refused:
        await shares.acquire(1)
    assert (shares.usage.timeouts, shares.usage.waiting) == (1, 0)
    async with shares.of(2):
        assert shares.usage.held == 2
    assert shares.usage.held == 1
    return refused.value


def test_nobody_waits_longer_than_agreed() -> None:
    refused = asyncio.run(_waits_in_vain())
    assert refused.detail == "your org has 1 long answers under way; try again when some have ended"


def test_a_share_is_at_most_everything() -> None:
    with pytest.raises(ValueError, match="the share of things is at most the capacity"):
        Shares("things", capacity=2, share=3)
    nothing = Shares("things", capacity=0, share=0)
    with refused():
        nothing.take(1)


@pytest.mark.parametrize("pool_size", [4, 5, 8, 20, 100])
def test_one_org_leaves_a_connection_and_a_long_answer_to_the_others(pool_size: int) -> None:
    limits = OrgLimits.of(pool_size)
    for shares in (limits.connections, limits.reads, limits.long_answers, limits.stream_reads):
        for _ in range(shares.share):
            shares.take(1)
        with refused():
            shares.take(1)
        shares.take(2)
    assert limits.connections.capacity < pool_size
    assert limits.long_answers.share < limits.reads.share
