"""Running totals equal a brute-force count, and deep pages return every call once, whatever happens."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import UNSET, structs

import trunkline.store.calls.list_query as listing_module
from tests.conftest import Background
from trunkline.compose import Services
from trunkline.jobs.search_index import index_org
from trunkline.kit.transcript import is_engaged, turns_of
from trunkline.model.call import Agent, Analysis, Call, Campaign, Contact, Turn
from trunkline.model.ids import call_id, uuid_of
from trunkline.model.query import After, CallFilter, Order, Position, Rows, SortField, Span, Wording
from trunkline.model.sighting import Sighting, sighting_of
from trunkline.model.words import Direction, Result, Role, Status
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.calls.reads import CallStore
from trunkline.store.durations import MAX_MS, cover_of_durations
from trunkline.store.totals.number_totals import NumberTotalStore
from trunkline.store.totals.periods import END, Cover, Level, cover, start_of
from trunkline.store.totals.totals import differences, mend

START = datetime(2025, 11, 20, tzinfo=UTC)
AGENTS = ("a", "b", str(uuid.UUID(int=7)))
WORDS = ("answering-machine", "odd")
TEXTS = (
    "Cancel my order, please.",
    "I ordered two; cancel one",
    "reorder? No: CANCELLED!",
    "我要退款 today",
    "",
)
PIECES = ("order", "cancel my", "cancel", " or", "l", "退", "款 to", "D!", "refund", "?", "")
LAGS = (
    *(timedelta(seconds=seconds) for seconds in range(9)),
    timedelta(hours=1),
    timedelta(hours=-1),
    timedelta(hours=1, microseconds=1),
    timedelta(days=3),
    timedelta(days=-40),
)
"""How long after the creation a call begins or ends: mostly soon."""
DURATIONS = (
    -2500,
    -1000,
    -1,
    0,
    1,
    17,
    18,
    986,
    987,
    999,
    1000,
    59_999,
    60_000,
    61_500,
    61_501,
    3_600_000,
    MAX_MS - 1,
    MAX_MS,
    2**62,
)
LINES = ("+12025550101", "+12025550102", "+12025550103")
"""Numbers that occur in every column; the first one gets running totals in the middle of the writes."""
NUMBER_SIDES = {
    "from_number": {"from"},
    "to_number": {"to"},
    "phone": {"from", "contact"},
    "any_number": {"from", "to", "contact"},
}
"""The sides of a call on which each filter searches for a number."""
instants = st.one_of(
    st.integers(0, 200).map(lambda days: START + timedelta(days=days)),
    st.integers(0, 200 * 24).map(lambda hours: START + timedelta(hours=hours)),
    st.integers(0, 200 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds)),
)
spans_of_instants = st.builds(Span, st.none() | instants, st.none() | instants)
durations = st.sampled_from(DURATIONS) | st.integers(-3000, 2**62) | st.integers(0, 90_000)
spans_of_durations = st.builds(Span, st.none() | durations, st.none() | durations)


@pytest.fixture(autouse=True)
def _every_offset_is_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "SHALLOW", 0)


@pytest.fixture(scope="module")
def store(joined: Services) -> CallStore:
    return CallStore(joined.pool)


def new_org(background: Background, joined: Services) -> Org:
    name = f"totals-{uuid.uuid4().hex[:12]}"
    background.run(joined.keys.create(name))
    return Org(background.run(joined.keys.org_id(name)), name)


def some_call(number: int, rng: random.Random) -> Call:
    created = START + rng.choice(
        [timedelta(days=rng.randrange(200)), timedelta(hours=rng.randrange(4800)), timedelta(hours=30)]
    )
    vendor = rng.choice(["one", "two"])
    status = rng.choice(list(Status))
    words = {f"status.{status}": rng.choice(WORDS)} if vendor == "one" and rng.random() < 0.2 else None
    started = created + rng.choice(LAGS) if rng.random() < 0.7 else None
    return Call(
        id=call_id(vendor, str(number)),
        vendor=vendor,
        vendor_call_id=str(number),
        created_at=created,
        started_at=started,
        ended_at=created + rng.choice(LAGS) if rng.random() < 0.7 else None,
        duration_ms=rng.choice(DURATIONS) if rng.random() < 0.7 else None,
        status=status,
        result=rng.choice([None, *Result]),
        direction=rng.choice(list(Direction)),
        agent=Agent(id=rng.choice(AGENTS)) if rng.random() < 0.8 else None,
        analysis=rng.choice([None, None, Analysis(engaged=True), Analysis(engaged=False)]),
        turns=[Turn(rng.choice(list(Role)), "Hm.")] if rng.random() < 0.5 else UNSET,
        campaign=Campaign(id=rng.choice("xy")) if rng.random() < 0.5 else None,
        vendor_words=words,
        transcript_text=rng.choice(TEXTS) if rng.random() < 0.8 else None,
        from_number=rng.choice([None, *LINES]),
        to_number=rng.choice([None, *LINES]),
        contact=Contact(phone_number=rng.choice([None, *LINES])),
    )


def stored_word(call: Call) -> str | None:
    return (call.vendor_words or {}).get(f"status.{call.status}")


def has_status(call: Call, asked: Wording) -> bool:
    word = stored_word(call) if call.vendor == asked.vendor else None
    return word in asked.words if word is not None else call.status in asked.values


def within(value: Any, span: Span | None) -> bool:
    if span is None:
        return True
    return value is not None and (
        (span.low is None or value >= span.low) and (span.high is None or value <= span.high)
    )


def holds(call: Call, text: str) -> bool:
    spoken = [turn.text for turn in turns_of(call)]
    if isinstance(call.transcript_text, str):
        spoken.append(call.transcript_text)
    return any(text.casefold() in part.casefold() for part in spoken)


def numbers(call: Call) -> dict[str, str | None]:
    contact = call.contact.phone_number if call.contact else None
    return {"from": call.from_number, "to": call.to_number, "contact": contact}


def matches(call: Call, asked: CallFilter) -> bool:
    return (
        all(
            within(getattr(call, name), getattr(asked, name))
            for name in ("created_at", "started_at", "ended_at", "duration_ms")
        )
        and (asked.status is None or has_status(call, asked.status))
        and (asked.result is None or call.result in asked.result.values)
        and (asked.direction is None or call.direction in asked.direction.values)
        and (
            asked.agent_ref is None
            or (call.agent is not None and uuid_of(call.agent.id or "") == asked.agent_ref)
        )
        and (
            asked.campaign_id is None or (call.campaign is not None and call.campaign.id in asked.campaign_id)
        )
        and (asked.vendor is None or call.vendor in asked.vendor)
        and (asked.engaged is None or is_engaged(call) is asked.engaged)
        and (asked.transcript_text is None or holds(call, asked.transcript_text))
        and all(
            (number := getattr(asked, name)) is None or number in {numbers(call)[side] for side in sides}
            for name, sides in NUMBER_SIDES.items()
        )
    )


@st.composite
def filters(draw: st.DrawFn) -> CallFilter:
    def sometimes(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(strategy) if draw(st.integers(0, 2)) == 0 else None

    def rarely(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(strategy) if draw(st.integers(0, 5)) == 0 else None

    if draw(st.integers(0, 4)) == 0:
        only = draw(st.sampled_from(["started_at", "ended_at", "duration_ms"]))
        span = draw(spans_of_durations if only == "duration_ms" else spans_of_instants)
        return structs.replace(CallFilter(), **{only: span})
    if draw(st.integers(0, 4)) == 0:
        return CallFilter(transcript_text=draw(st.sampled_from(PIECES)))
    statuses = st.frozensets(st.sampled_from([status.value for status in Status]), min_size=1, max_size=3)
    wording = st.builds(Wording, statuses) | st.builds(
        Wording, statuses, st.just("one"), st.frozensets(st.sampled_from(WORDS), max_size=1)
    )
    low, high = sometimes(instants), sometimes(instants)
    if draw(st.integers(0, 9)) == 0:
        return CallFilter(vendor=frozenset({"one"}), created_at=Span(low, high) if low or high else None)
    if draw(st.integers(0, 9)) == 0:
        return CallFilter(engaged=draw(st.booleans()), created_at=Span(low, high) if low or high else None)
    if draw(st.integers(0, 4)) == 0:
        asked = CallFilter(created_at=Span(low, high) if low or high else None)
        place, number = draw(st.sampled_from(sorted(NUMBER_SIDES))), draw(st.sampled_from(LINES))
        return structs.replace(asked, **{place: number})
    return CallFilter(
        created_at=Span(low, high) if low or high else None,
        started_at=rarely(spans_of_instants),
        ended_at=rarely(spans_of_instants),
        duration_ms=rarely(spans_of_durations),
        status=sometimes(wording),
        result=sometimes(st.sampled_from([r.value for r in Result]).map(lambda r: Wording(frozenset({r})))),
        direction=sometimes(st.just(Wording(frozenset({"inbound", "unknown"})))),
        agent_ref=sometimes(st.sampled_from(AGENTS).map(uuid_of)),
        campaign_id=sometimes(st.frozensets(st.sampled_from("xy"), min_size=1)),
        transcript_text=rarely(st.sampled_from(PIECES)),
        engaged=rarely(st.booleans()),
        **{draw(st.sampled_from(sorted(NUMBER_SIDES))): rarely(st.sampled_from(LINES))},
    )


Crowd = tuple[Org, list[Call]]


@pytest.fixture(scope="module")
def crowd(background: Background, joined: Services) -> Crowd:
    org, rng = new_org(background, joined), random.Random(11)
    calls = [some_call(number, rng) for number in range(1500)]
    seen = [Received(sighting_of(call)) for call in calls]
    background.run(joined.intake.ingest(org, seen[:1000], "test"))
    background.run(index_org(joined.pool, org.id, lambda _: None))
    assert background.run(NumberTotalStore(joined.pool).sum_up(org.id, LINES[0]))
    background.run(joined.intake.ingest(org, seen[1000:], "test"))
    return org, calls


@given(asked=filters(), newest_first=st.booleans(), data=st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_page_and_total_of_any_filter_is_what_a_count_by_hand_gives(
    asked: CallFilter,
    newest_first: bool,
    data: st.DataObject,
    crowd: Crowd,
    store: CallStore,
    background: Background,
) -> None:
    org, calls = crowd
    expected = sorted(
        (call for call in calls if matches(call, asked)), key=lambda call: (call.created_at, call.id)
    )
    if newest_first:
        expected.reverse()
    offset = data.draw(st.integers(0, len(expected) + 2), label="offset")
    page = background.run(
        store.page(
            org.id,
            asked,
            Order(newest_first=newest_first),
            Rows(7, offset),
            with_total=True,
            with_transcript=False,
        )
    )
    assert page.total == len(expected)
    assert [one.call().id for one in page.calls] == [call.id for call in expected[offset : offset + 7]]
    assert page.has_more == (offset + 7 < len(expected))


def in_order(calls: list[Call], order: Order) -> list[Call]:
    def value(call: Call) -> Any:
        return getattr(call, order.by.value)

    reverse = order.newest_first
    filled = sorted(
        (c for c in calls if value(c) is not None), key=lambda c: (value(c), c.id), reverse=reverse
    )
    empty = sorted(
        (c for c in calls if value(c) is None), key=lambda c: (c.created_at, c.id), reverse=reverse
    )
    return [*filled, *empty]


orders = st.builds(Order, st.sampled_from(SortField), st.booleans())


@given(order=orders, offset=st.integers(0, 1510))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_page_in_any_order_has_calls_without_a_value_last(
    order: Order, offset: int, crowd: Crowd, store: CallStore, background: Background
) -> None:
    org, calls = crowd
    page = background.run(
        store.page(org.id, CallFilter(), order, Rows(7, offset), with_total=True, with_transcript=False)
    )
    assert [one.call().id for one in page.calls] == [
        c.id for c in in_order(calls, order)[offset : offset + 7]
    ]
    assert page.total == len(calls)


@given(asked=filters(), order=orders, data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_follows_any_call_in_any_order_is_what_a_count_by_hand_gives(
    asked: CallFilter,
    order: Order,
    data: st.DataObject,
    crowd: Crowd,
    store: CallStore,
    background: Background,
) -> None:
    org, calls = crowd
    expected = in_order([call for call in calls if matches(call, asked)], order)
    if not expected:
        return
    at = data.draw(st.integers(0, len(expected) - 1), label="at")
    last = expected[at]
    place = Position(getattr(last, order.by.value), last.id, last.created_at)
    page = background.run(
        store.page(org.id, asked, order, After(7, place), with_total=False, with_transcript=False)
    )
    following = expected[at + 1 :]
    assert [one.call().id for one in page.calls] == [c.id for c in following[:7]]
    assert page.has_more == (len(following) > 7)


class Log(RuleBasedStateMachine):
    """Several connections insert, update, repeat and roll back at once; the totals stay exact all along."""

    background: Background
    joined: Services

    @initialize()
    def begin(self) -> None:
        self.org = new_org(self.background, self.joined)
        self.rng = random.Random(self.org.name)
        self.numbers = 0

    def _news(self, number: int) -> Sighting:
        call = some_call(number, self.rng)
        call.vendor = "one"
        said = sighting_of(call)
        said.id, said.as_of = call_id("one", str(number)), START + timedelta(seconds=self.rng.randrange(99))
        return said

    @rule(writers=st.integers(1, 4), size=st.integers(1, 12), overlap=st.integers(0, 12))
    def several_write_at_once(self, writers: int, size: int, overlap: int) -> None:
        first = max(0, self.numbers - overlap)
        batches = [
            [Received(self._news(first + self.rng.randrange(size + overlap))) for _ in range(size)]
            for _ in range(writers)
        ]
        self.numbers = first + size + overlap

        async def write() -> None:
            await asyncio.gather(*(self.joined.intake.ingest(self.org, batch, "test") for batch in batches))

        self.background.run(write())

    @rule(size=st.integers(1, 5))
    def somebody_rolls_back(self, size: int) -> None:
        batch = [Received(self._news(self.rng.randrange(self.numbers + size))) for _ in range(size)]

        async def write_and_fail() -> None:
            async with self.joined.pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute("UPDATE call_totals SET n = n + 1 WHERE org_id = $1", self.org.id)
                await transaction.rollback()
            await self.joined.intake.ingest(self.org, batch, "test")

        self.background.run(write_and_fail())

    @rule(size=st.integers(1, 4))
    def some_are_deleted_while_others_are_written(self, size: int) -> None:
        store = self.joined.writer
        ids = [call_id("one", str(self.rng.randrange(self.numbers + 1))) for _ in range(size)]
        batch = [Received(self._news(self.rng.randrange(self.numbers + 1))) for _ in range(size)]

        async def delete_and_write() -> None:
            await asyncio.gather(
                *(store.delete(self.org.id, one) for one in ids),
                self.joined.intake.ingest(self.org, batch, "test"),
            )

        self.background.run(delete_and_write())

    @rule(number=st.sampled_from(LINES), size=st.integers(1, 4), times=st.integers(1, 2))
    def a_number_is_summed_up_while_others_write(self, number: str, size: int, times: int) -> None:
        store = NumberTotalStore(self.joined.pool)
        batches = [
            [Received(self._news(self.rng.randrange(self.numbers + size))) for _ in range(size)] for _ in "ab"
        ]
        gone = call_id("one", str(self.rng.randrange(self.numbers + 1)))

        async def sum_up_and_write() -> None:
            await asyncio.gather(
                *(self.joined.intake.ingest(self.org, batch, "test") for batch in batches),
                *(store.sum_up(self.org.id, number) for _ in range(times)),
                self.joined.writer.delete(self.org.id, gone),
            )

        self.background.run(sum_up_and_write())

    @rule()
    def everything_is_told_again(self) -> None:
        store = CallStore(self.joined.pool)
        page = self.background.run(
            store.page(self.org.id, CallFilter(), Order(), Rows(50), with_total=True, with_transcript=True)
        )
        again = [Received(sighting_of(encoded.call())) for encoded in page.calls]
        taken = self.background.run(self.joined.intake.ingest(self.org, again, "test"))
        assert taken.stored == 0

    @invariant()
    def the_totals_are_what_a_recount_gives(self) -> None:
        if hasattr(self, "org"):
            assert self.background.run(differences(self.joined.pool, self.org.id)) == []


def test_totals_are_exact_after_any_interleaving(background: Background, joined: Services) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Log.background, Log.joined = background, joined
    run_state_machine_as_test(Log, settings=settings(max_examples=12, stateful_step_count=8, deadline=None))


def test_what_is_off_is_named_and_mended_while_others_write(background: Background, joined: Services) -> None:
    org, rng = new_org(background, joined), random.Random(3)

    def batch(first: int) -> list[Received]:
        return [Received(sighting_of(some_call(number, rng))) for number in range(first, first + 40)]

    background.run(joined.intake.ingest(org, batch(0), "test"))
    spoil = "UPDATE call_totals SET n = n + 5 WHERE org_id = $1 AND grouping = 0"
    background.run(joined.pool.execute(spoil, org.id))
    off = background.run(differences(joined.pool, org.id))
    assert off
    assert all(one.stored == one.counted + 5 for one in off)

    async def mend_and_write() -> int:
        mended, *_ = await asyncio.gather(
            mend(joined.pool, org.id),
            joined.intake.ingest(org, batch(40), "test"),
            joined.intake.ingest(org, batch(80), "test"),
        )
        return mended

    assert background.run(mend_and_write()) == len(off)
    assert background.run(differences(joined.pool, org.id)) == []


@given(st.none() | durations, st.none() | durations)
@settings(max_examples=300, deadline=None)
def test_a_cover_of_durations_has_each_of_them_once(low: int | None, high: int | None) -> None:
    covered = cover_of_durations(low, high)
    assert len(covered.edges) <= 3
    assert all(first < last for first, last in covered.edges)
    assert len(covered.segments) <= 10
    if low is not None and high is not None and low > high:
        assert not covered.edges
        assert not covered.segments


@given(st.none() | instants, st.none() | instants, st.sampled_from([Level.HOUR, Level.DAY]))
@settings(max_examples=300, deadline=None)
def test_a_cover_is_the_range_without_gap_or_overlap(
    low: datetime | None, high: datetime | None, finest: Level
) -> None:
    covered: Cover = cover(low, high, finest)
    spans = sorted([(s.first, s.last) for s in covered.segments] + [(e.first, e.last) for e in covered.edges])
    if low is not None and high is not None and low > high:
        assert spans == []
        return
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert low is None or spans[0][0] == low
    assert high is None or spans[-1][1] == high + timedelta(microseconds=1)
    assert len(covered.edges) <= 2
    assert len(covered.segments) <= 8
    for segment in covered.segments:
        assert start_of(segment.level, segment.first) == segment.first
        assert segment.last == END or start_of(segment.level, segment.last) == segment.last
