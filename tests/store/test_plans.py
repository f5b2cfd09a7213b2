"""No listing statement reads more than it must: rows and buffers are bounded on a large org."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Background
from trunkline.compose import Services
from trunkline.jobs.search_index import index_org
from trunkline.model.call import Agent, Analysis, Call, Campaign, Contact
from trunkline.model.ids import call_id, uuid_of
from trunkline.model.query import After, CallFilter, Order, Position, Rows, SortField, Span, Wording
from trunkline.model.sighting import sighting_of
from trunkline.model.words import Channel, Direction, Result, Status
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.calls.list_query import list_query
from trunkline.store.totals.number_totals import NumberTotalStore

CALLS = 24_000
START = datetime(2025, 1, 1, tzinfo=UTC)
LENGTH = timedelta(days=400)
LINE = "+12025550000"
"""A number that every other call has."""
MAX_ROWS = 1_500
"""Rows that a statement may read: a page, the rest of an hour or day, and a few hundred sums."""
MAX_BUFFERS = 2_500


@pytest.fixture(scope="module")
def org(background: Background, joined: Services) -> Org:
    name = f"plans-{uuid.uuid4().hex[:12]}"
    background.run(joined.keys.create(name))
    org = Org(background.run(joined.keys.org_id(name)), name)
    rng = random.Random(5)
    rare = set(rng.sample(range(CALLS), 12))
    batch = []
    for number in range(CALLS):
        created = START + LENGTH * number / CALLS
        status = (
            Status.RINGING
            if number in rare
            else rng.choice([Status.COMPLETED] * 6 + [Status.BUSY, Status.FAILED])
        )
        call = Call(
            id=call_id("plans", str(number)),
            vendor="plans",
            vendor_call_id=str(number),
            created_at=created,
            started_at=created + timedelta(seconds=4) if rng.random() < 0.75 else None,
            ended_at=created + timedelta(seconds=65) if rng.random() < 0.6 else None,
            duration_ms=rng.choice([rng.randrange(300_000), rng.randrange(300) * 1000])
            if rng.random() < 0.6
            else None,
            status=status,
            result=Result.ANSWERED if status is Status.COMPLETED else Result.BUSY,
            direction=rng.choice([Direction.INBOUND, Direction.OUTBOUND]),
            channel=Channel.PHONE,
            agent=Agent(id=f"agent-{rng.randrange(12)}"),
            analysis=Analysis(engaged=True) if number in rare else None,
            campaign=Campaign(id=f"campaign-{rng.randrange(6)}") if rng.random() < 0.6 else None,
            to_number=LINE if number % 2 else f"+1404555{number % 800 // 2:04d}",
            from_number=f"+1202555{rng.randrange(400):04d}",
            contact=Contact(phone_number=f"+1303555{rng.randrange(400):04d}"),
            transcript_text=f"My ticket is {number:05d}, about {rng.choice(('a refund', 'an order'))}.",
        )
        batch.append(Received(sighting_of(call)))
        if len(batch) == 2000:
            background.run(joined.intake.ingest(org, batch, "test"))
            batch = []
    background.run(index_org(joined.pool, org.id, lambda _: None))
    background.run(NumberTotalStore(joined.pool).sum_up(org.id, LINE))
    tables = "calls, call_totals, call_transcripts, call_terms, search_terms, term_suffixes, search_backlog"
    background.run(joined.pool.execute(f"VACUUM ANALYZE {tables}"))
    return org


def words(*values: str, vendor: str | None = None) -> Wording:
    return Wording(frozenset(values), vendor, frozenset({"an-odd-word"}) if vendor else frozenset())


RAGGED = Span(START + timedelta(days=31, hours=5, minutes=7), START + timedelta(days=333, minutes=11))
FEW_DAYS = Span(START + timedelta(days=40, minutes=3), START + timedelta(days=46, minutes=11))
FILTERS = {
    "everything": CallFilter(),
    "a status": CallFilter(status=words("completed")),
    "a rare status": CallFilter(status=words("ringing")),
    "a status as a vendor says it": CallFilter(status=words("failed", "canceled", vendor="plans")),
    "a result": CallFilter(result=words("busy")),
    "a direction": CallFilter(direction=words("inbound")),
    "an agent": CallFilter(agent_ref=uuid_of("agent-3")),
    "an agent and a status": CallFilter(agent_ref=uuid_of("agent-3"), status=words("completed")),
    "an agent and a rare status": CallFilter(agent_ref=uuid_of("agent-3"), status=words("ringing")),
    "agents and statuses as a vendor says them": CallFilter(
        agent_id=frozenset({"agent-3", "agent-4"}), status=words("failed", "busy", vendor="plans")
    ),
    "a campaign and a rare status": CallFilter(
        campaign_id=frozenset({"campaign-2"}), status=words("ringing")
    ),
    "a campaign": CallFilter(campaign_id=frozenset({"campaign-2"})),
    "a campaign and a status": CallFilter(campaign_id=frozenset({"campaign-2"}), status=words("busy")),
    "agent and campaign": CallFilter(agent_ref=uuid_of("agent-3"), campaign_id=frozenset({"campaign-2"})),
    "a ragged range": CallFilter(created_at=RAGGED),
    "a ragged range and a status": CallFilter(created_at=RAGGED, status=words("busy")),
    "a range and an agent": CallFilter(created_at=RAGGED, agent_ref=uuid_of("agent-3")),
    "a range of starts": CallFilter(started_at=RAGGED),
    "starts long ago": CallFilter(started_at=Span(high=RAGGED.low)),
    "starts of late": CallFilter(started_at=Span(low=RAGGED.high)),
    "a range of ends": CallFilter(ended_at=RAGGED),
    "durations": CallFilter(duration_ms=Span(20_123, 60_000)),
    "short durations": CallFilter(duration_ms=Span(high=120_777)),
    "one duration": CallFilter(duration_ms=Span(61_000, 61_000)),
    "no duration at all": CallFilter(duration_ms=Span(low=500_000)),
    "starts of a few days and a status": CallFilter(started_at=FEW_DAYS, status=words("completed")),
    "starts of a few days and an agent": CallFilter(started_at=FEW_DAYS, agent_ref=uuid_of("agent-3")),
    "starts of a few days and durations": CallFilter(started_at=FEW_DAYS, duration_ms=Span(20_123, 60_000)),
    "a few durations and a status": CallFilter(duration_ms=Span(61_000, 61_999), status=words("busy")),
    "a vendor": CallFilter(vendor=frozenset({"plans"})),
    "a channel": CallFilter(channel=words("phone")),
    "the few that were engaged": CallFilter(engaged=True),
    "the many that were not": CallFilter(engaged=False),
    "a ragged range and engaged": CallFilter(created_at=RAGGED, engaged=True),
    "a phone number": CallFilter(phone="+12025550123"),
    "a line": CallFilter(to_number=LINE),
    "a line wherever it stands": CallFilter(any_number=LINE),
    "a ragged range and a line": CallFilter(created_at=RAGGED, to_number=LINE),
    "any number": CallFilter(any_number="+13035550123"),
    "a word": CallFilter(transcript_text="12345"),
    "a part of words": CallFilter(transcript_text="1234"),
    "a few words": CallFilter(transcript_text="ticket is 1234"),
    "words that nobody said": CallFilter(transcript_text="ticket is lost"),
    "a word and a status": CallFilter(transcript_text="12345", status=words("completed")),
    "a word and starts of a few days": CallFilter(transcript_text="02345", started_at=FEW_DAYS),
}
COUNTED = {
    "an agent and engaged": CallFilter(agent_ref=uuid_of("agent-3"), engaged=False),
    "a status and engaged": CallFilter(status=words("busy"), engaged=False),
    "a rare status and engaged": CallFilter(status=words("ringing"), engaged=True),
}
"""Filters without totals, so that only their pages are bounded."""
WALKED = {
    name
    for name, asked in FILTERS.items()
    if asked.started_at or asked.ended_at or asked.duration_ms or LINE in (asked.to_number, asked.any_number)
}
"""Filters whose deep pages skip row by row."""
DEPTHS = {"first page": 0, "a little down": 150, "in the middle": CALLS // 2, "near the end": CALLS - 40}


PAGES = [
    pytest.param(asked, depth, id=f"{name}-{where}")
    for name, asked in FILTERS.items()
    for where, depth in DEPTHS.items()
    if depth == 0 or name not in WALKED
]


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize(("asked", "depth"), PAGES)
def test_a_page_reads_a_bounded_number_of_rows(
    asked: CallFilter, depth: int, newest_first: bool, org: Org, background: Background, joined: Services
) -> None:
    order = Order(newest_first=newest_first)
    bounded(
        background,
        joined,
        list_query(org.id, asked, order, Rows(20, depth), with_total=True, with_transcript=False),
    )


SHARES = (0, 0.01, 0.5, 0.59, 0.6, 0.61, 0.74, 0.75, 0.76, 0.9, 0.999, 1.1)


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("by", [SortField.STARTED_AT, SortField.ENDED_AT, SortField.DURATION_MS])
def test_a_page_by_a_value_reads_a_bounded_number_of_rows(
    by: SortField, share: float, newest_first: bool, org: Org, background: Background, joined: Services
) -> None:
    window = Rows(20, int(CALLS * share))
    order = Order(by, newest_first)
    asked = list_query(org.id, CallFilter(), order, window, with_total=True, with_transcript=False)
    bounded(background, joined, asked)


@pytest.mark.parametrize("has_value", [True, False], ids=["with a value", "without"])
@pytest.mark.parametrize("by", [SortField.STARTED_AT, SortField.ENDED_AT, SortField.DURATION_MS])
def test_a_page_after_a_position_by_a_value_reads_a_bounded_number_of_rows(
    by: SortField, has_value: bool, org: Org, background: Background, joined: Services
) -> None:
    middle = START + LENGTH / 2
    value = 150_000 if by is SortField.DURATION_MS else middle
    place = Position(value if has_value else None, call_id("plans", "7"), middle)
    window = After(20, place)
    asked = list_query(org.id, CallFilter(), Order(by), window, with_total=False, with_transcript=False)
    bounded(background, joined, asked)


@pytest.mark.parametrize("asked", [*FILTERS.values(), *COUNTED.values()], ids=[*FILTERS, *COUNTED])
def test_a_page_after_a_position_reads_a_bounded_number_of_rows(
    asked: CallFilter, org: Org, background: Background, joined: Services
) -> None:
    place = Position(START + LENGTH / 2, call_id("plans", "7"))
    found = list_query(org.id, asked, Order(), After(20, place), with_total=False, with_transcript=False)
    bounded(background, joined, found)


def bounded(background: Background, joined: Services, asked: Any) -> None:
    async def explain() -> dict[str, Any]:
        # As it is run: prepared once, with a plan that does not depend on the values.
        values = ", ".join(map(literal, asked.values))
        async with joined.pool.acquire() as connection:
            await connection.execute(f"PREPARE page AS {asked.sql}")
            text = await connection.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page ({values})"
            )
            await connection.execute("DEALLOCATE page")
        plan: dict[str, Any] = json.loads(text)[0]["Plan"]
        return plan

    plan = background.run(explain())
    rows = sum(touched(node) for node in nodes(plan))
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert rows <= MAX_ROWS, json.dumps(plan, indent=1)[:4000]
    assert buffers <= MAX_BUFFERS, json.dumps(plan, indent=1)[:4000]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def touched(node: dict[str, Any]) -> float:
    """The rows that a scan of a table or index read, including those that it discarded."""
    if "Relation Name" not in node and node["Node Type"] != "Bitmap Index Scan":
        return 0
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    met: float = node["Actual Rows"] + sum(node.get(name, 0) for name in removed)
    loops: float = node["Actual Loops"]
    return met * loops


def literal(value: object) -> str:
    """A value as SQL; tests have no quotes in theirs."""
    if isinstance(value, list):
        inner = ", ".join(f'"{item}"' for item in value)
        return f"'{{{inner}}}'"
    return f"'{value}'"
