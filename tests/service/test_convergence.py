"""Whatever order a call's payloads come in, through the store: the same call, and nothing to derive again.

Every payload is a transaction of its own, later than the one before. What comes of a vendor's captured
deliveries in all their orders is compared byte for byte; deliveries that come twice and the call as the
vendor's own API prints it are mixed in.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import pytest

from tests.conftest import Background
from tests.vendors.captures import JSON, Capture, captures
from trunkline.ingest.reprocess import Reprocessor
from trunkline.ingest.stored_payload import stored_payload_reader
from trunkline.ingest.webhooks import parse_delivery
from trunkline.kit.door import AnswerExpected, Door
from trunkline.kit.payload import Unreadable
from trunkline.model.words import Status
from trunkline.service.calls import Org
from trunkline.service.group_commit import GroupCommit
from trunkline.service.inbox import Inbox
from trunkline.service.intake import Intake
from trunkline.service.received import HOOK, Provenance, Received, encoded
from trunkline.store.calls.writes import CallWriter
from trunkline.store.inbox import InboxStore
from trunkline.store.migrations import migrate
from trunkline.store.pool import open_pool
from trunkline.store.totals.totals import differences
from trunkline.vendors import doors

ORDERS = int(os.environ.get("ORDERS", "500"))
"""How many orders are tried of more than five deliveries; of up to five it is every order there is."""

ALL_ORDERS_OF = 5
FEWEST_ORDERS = 24
"""A call with few deliveries is tried in each order several times, with different additions."""
AT_ONCE = 4
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
"""When the first payload arrives: after every time in the captures."""


def inbox_of(pool: asyncpg.Pool, intake: Intake) -> Inbox:
    return Inbox(InboxStore(pool), GroupCommit(intake), stored_payload_reader().read_again)


class Payload(NamedTuple):
    """One payload that comes in, in one transaction."""

    seen: tuple[Received, ...]

    def speaks_of(self, vendor_call_id: str) -> bool:
        return any(one.sighting and one.sighting.vendor_call_id == vendor_call_id for one in self.seen)


def content_type(capture: Capture) -> str:
    return capture.headers.get("content-type", JSON)


def document(capture: Capture) -> Any:
    return capture.document()


def delivery(door: Door, capture: Capture) -> Payload | None:
    """A delivery as webhooks receive it; nothing if it has no call."""
    try:
        heard = parse_delivery(door, capture.body, content_type(capture))
    except (Unreadable, AnswerExpected):
        return None
    origin = Provenance(
        vendor=door.name, kind=HOOK, content_type=content_type(capture), source_id=source_id(door.name)
    )
    return Payload(tuple(Received(sighting, capture.body, origin) for sighting in heard.sightings))


def pulled(door: Door, raw: Any) -> Payload:
    """A call as the vendor's API prints it, as a pull receives it."""
    origin = Provenance(vendor=door.name, kind="call", source_id=source_id(door.name))
    return Payload((Received(door.from_wire(raw), encoded(raw), origin),))


def source_id(vendor: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, vendor))


class Life(NamedTuple):
    """Everything that is captured of one call."""

    door: Door
    vendor_call_id: str
    deliveries: list[Payload]
    pulls: list[Payload]


REQUESTED: dict[str, dict[str, Any]] = {
    "twilio": {
        "sid": "CA0123456789abcdef0123456789abcdef",
        "status": "completed",
        "from": "+12025550123",
        "to": "+13105550188",
        "direction": "outbound-api",
        "date_created": "Mon, 02 Mar 2026 09:15:00 +0000",
        "date_updated": "Mon, 02 Mar 2026 09:15:48 +0000",
        "start_time": "Mon, 02 Mar 2026 09:15:06 +0000",
        "end_time": "Mon, 02 Mar 2026 09:15:48 +0000",
        "duration": "42",
        "price": "-0.01300",
        "price_unit": "USD",
    }
}
"""Calls as a vendor's API prints them, of vendors whose deliveries do not hold them in that form."""


def lives() -> Iterator[Life]:
    for door in doors().values():
        listed = [document(c) for c in captured(door) if c.read_by == "from_wire"]
        delivered = [
            (capture, payload)
            for capture in captured(door)
            if capture.read_by == "read" and (payload := delivery(door, capture)) is not None
        ]
        names = {one.sighting.vendor_call_id for _, p in delivered for one in p.seen if one.sighting}
        for name in sorted(names):
            mine = [(capture, payload) for capture, payload in delivered if payload.speaks_of(name)]
            forms = [raw for raw in listed if is_of(door, raw, name)]
            forms += [raw for raw in [REQUESTED.get(door.name)] if raw and is_of(door, raw, name)]
            inside = [
                raw for capture, _ in mine for raw in objects(document(capture)) if is_of(door, raw, name)
            ]
            if not forms and inside:
                forms = [max(inside, key=lambda raw: (is_over(door, raw), len(encoded(raw))))]
            yield Life(door, name, [payload for _, payload in mine], [pulled(door, raw) for raw in forms])


def captured(door: Door) -> list[Capture]:
    return list(captures(door.name).values())


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """A document and every object inside it."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from objects(inner)


def is_of(door: Door, raw: Any, vendor_call_id: str) -> bool:
    """Whether an object is this call as the vendor's API prints it."""
    try:
        return door.from_wire(raw).vendor_call_id == vendor_call_id
    except Unreadable:
        return False


def is_over(door: Door, raw: Any) -> bool:
    status = door.from_wire(raw).status
    return isinstance(status, Status) and status.is_final


LIVES = list(lives())


def arrivals(life: Life) -> Iterator[list[Payload]]:
    """Orders in which a call's payloads may come, some of them twice."""
    rng = random.Random(f"{life.door.name} {life.vendor_call_id}")
    count = len(life.deliveries)
    orders: Iterator[Sequence[Payload]]
    if count > ALL_ORDERS_OF:
        orders = (rng.sample(life.deliveries, count) for _ in range(ORDERS))
    else:
        every = list(itertools.permutations(life.deliveries))
        orders = iter(every * math.ceil(FEWEST_ORDERS / len(every)))
    for order in orders:
        mixed = list(order)
        for more in [rng.choice(life.deliveries), *life.pulls, *life.pulls[-1:]]:
            mixed.insert(rng.randint(0, len(mixed)), more)
        yield mixed


class Log:
    """A database in which every order of payloads has an org of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.now = BEGIN
        self.writer = CallWriter(pool, lambda _: None)  # nobody follows

    async def add_source(self, org: Org, vendor: str) -> None:
        await self.pool.execute(
            "INSERT INTO sources (org_id, id, vendor, label, address_hash, address, secrets, created_at)"
            " VALUES ($1, $2, $3, 'a source', $4, '', '', $5)",
            *(org.id, source_id(vendor), vendor, uuid.uuid4().bytes, BEGIN),
        )

    async def made_by(self, org: Org, order: Sequence[Payload]) -> dict[tuple[str, str], tuple[str, bytes]]:
        """The calls that payloads make when they come in this order, as they are stored."""
        now = BEGIN
        intake = Intake(self.writer, lambda: now)
        for payload in order:
            now += timedelta(seconds=1)
            await intake.ingest_each(org, payload.seen)
        reprocessing = Reprocessor(self.writer, inbox_of(self.pool, intake), stored_payload_reader())
        before = await self.calls(org)
        derived = await reprocessing.run(org)
        assert (derived.changed, derived.found, derived.unreadable) == (0, 0, [])
        assert await self.calls(org) == before
        return before

    async def calls(self, org: Org) -> dict[tuple[str, str], tuple[str, bytes]]:
        rows = await self.pool.fetch(
            "SELECT c.vendor, c.vendor_call_id, c.body, t.body AS transcript FROM calls c"
            " LEFT JOIN call_transcripts t ON t.org_id = c.org_id AND t.call_id = c.id WHERE c.org_id = $1",
            org.id,
        )
        return {
            (row["vendor"], row["vendor_call_id"]): (without_id(row["body"]), row["transcript"])
            for row in rows
        }


def without_id(body: str) -> str:
    """A call but for its id, which is whatever its first payload wished for, and stays: links to it hold."""
    return re.sub(r'^{"id":"[0-9a-f-]{36}"', '{"id":"…"', body)


@pytest.fixture(scope="module")
def log(background: Background, embedded_url: str) -> Iterator[Log]:
    """A database of its own, so that background work of other tests need not read thousands of orgs."""
    name = "convergence"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(embedded_url)
        await connection.execute(statement)
        await connection.close()

    background.run(execute(f"CREATE DATABASE {name}"))
    url = embedded_url.replace("/postgres?", f"/{name}?")
    assert url != embedded_url
    background.run(migrate(url))
    pool = background.run(open_pool(url, AT_ONCE))
    yield Log(pool)
    background.run(pool.close())
    background.run(execute(f"DROP DATABASE {name}"))


org_ids = itertools.count(1)


def test_every_door_has_a_life_in_which_a_pull_is_mixed() -> None:
    assert {life.door.name for life in LIVES if life.pulls} == set(doors())


@pytest.mark.parametrize("life", LIVES, ids=[f"{life.door.name}-{life.vendor_call_id}" for life in LIVES])
def test_payloads_in_any_order_make_the_same_call_which_is_derived_again_as_it_is(
    background: Background, log: Log, life: Life
) -> None:
    async def one_after_another(orders: Iterator[list[Payload]]) -> None:
        for order in orders:
            org = Org(next(org_ids), "an-order")
            await log.add_source(org, life.door.name)
            made.append(await log.made_by(org, order))
            assert made[-1] == made[0], [one.seen[0].provenance.kind for one in order]

    async def all_orders() -> None:
        orders = arrivals(life)  # shared: each takes the next order that no other took
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one_after_another(orders))

    made: list[dict[tuple[str, str], tuple[str, bytes]]] = []
    first_org = next(org_ids)
    background.run(all_orders())
    assert made
    assert len(made[0]) >= 1
    assert background.run(differences(log.pool, first_org + 1)) == []
