"""The demo's log: an org per vendor, one that mixes them all, and a key to each."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice

from msgspec import Struct

from trunkline.demo.calls import Origin, demo_calls
from trunkline.kit.dialect import Dialect
from trunkline.model.call import Call
from trunkline.model.ids import is_uuid
from trunkline.model.intents import ListCalls
from trunkline.model.query import CallFilter, Rows, Wording
from trunkline.model.sighting import sighting_of
from trunkline.model.words import Status
from trunkline.service.calls import Org
from trunkline.service.intake import Intake
from trunkline.service.keys import Keys
from trunkline.service.received import Received
from trunkline.service.run import Run

CALLS_PER_VENDOR = 400
MIXED = "demo-mixed"
_LABEL = "demo"


class DemoSummary(Struct):
    """What the demo prints for the person who started it."""

    orgs: list[str]
    calls: int
    headers: dict[str, dict[str, str]]
    """For each dialect the headers of one key that reads the org of its vendor."""
    mixed_headers: dict[str, dict[str, str]]
    """For each dialect the headers of the key to the org that mixes the vendors."""
    one_call: dict[str, str]
    """For each dialect the id that it prints for one and the same call of that org."""


async def fill(intake: Intake, keys: Keys, run: Run, dialects: Mapping[str, Dialect]) -> DemoSummary:
    """Fill the demo's orgs, unless they are full from an earlier time, and make a key for each dialect."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    vendors = [dialect for dialect in dialects.values() if dialect.at_root]
    summary = DemoSummary(orgs=[], calls=0, headers={}, mixed_headers={}, one_call={})
    per_org = {f"demo-{dialect.name}": ([dialect], CALLS_PER_VENDOR) for dialect in vendors}
    per_org[MIXED] = (list(dialects.values()), CALLS_PER_VENDOR // len(dialects))
    for seed, (name, (origins, count)) in enumerate(per_org.items()):
        made = await keys.create(name, label=_LABEL)
        org = Org(await keys.org_id(name), name)
        existing = await _count_calls(run, org, origins[0])
        for origin in origins if existing < count * len(origins) else []:
            await _ingest_demo_calls(intake, org, origin, count=count, seed=seed, until=until)
        summary.orgs.append(name)
        summary.calls += await _count_calls(run, org, origins[0])
        for dialect in origins:
            summary.headers.setdefault(dialect.name, made.headers[dialect.name])
    summary.mixed_headers = made.headers  # the org that mixes them is the last
    one = await _short_conversation(run, org, origins[0])
    summary.one_call = {name: dialect.ids.printed(one) for name, dialect in dialects.items()}
    return summary


async def _short_conversation(run: Run, org: Org, dialect: Dialect) -> Call:
    """A call that fits on a screen: the shortest one that was completed and in which a tool was used."""
    completed = CallFilter(status=Wording(frozenset({Status.COMPLETED})))
    intent = ListCalls(filter=completed, window=Rows(200), with_transcript=True)
    found = (await run(org, intent, dialect.ids)).read()
    return min(found, key=lambda call: (not call.tool_calls, len(call.turns or ())))


async def _count_calls(run: Run, org: Org, dialect: Dialect) -> int:
    page = await run(org, ListCalls(filter=CallFilter(), window=Rows(0)), dialect.ids)
    return page.total or 0


async def _ingest_demo_calls(
    intake: Intake, org: Org, dialect: Dialect, *, count: int, seed: int, until: datetime
) -> None:
    made = demo_calls(_origin(dialect), count=count, seed=seed, until=until)
    while batch := list(islice(made, 200)):
        await intake.ingest(org, [Received(sighting_of(call)) for call in batch], "demo")


def _origin(dialect: Dialect) -> Origin:
    def call_id(rng: random.Random) -> str:
        return dialect.ids.derive(str(uuid.UUID(int=rng.getrandbits(128), version=4)))

    def agent_id(rng: random.Random) -> str:
        if is_uuid(call_id(random.Random(0))):
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))
        return f"agent_{rng.getrandbits(48):012x}"

    return Origin(
        vendor=dialect.name,
        make_call_id=call_id,
        make_agent_id=agent_id,
        cost_unit=dialect.cost_unit,
    )
