"""A crowd of calls from every vendor, odd words and equal instants included, in one org."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import World
from trunkline.demo.calls import Origin, demo_calls
from trunkline.model.call import Call, Campaign
from trunkline.model.ids import call_id, is_uuid
from trunkline.model.sighting import Sighting
from trunkline.vendors import dialects

START = datetime(2026, 3, 1, tzinfo=UTC)
NUMBERS = ("+12025550100", "+12025550101", "+33199000001")


def origin(vendor: str) -> Origin:
    dialect = dialects()[vendor]

    def make_call_id(rng: random.Random) -> str:
        return dialect.ids.derive(str(uuid.UUID(int=rng.getrandbits(128), version=4)))

    def make_agent_id(rng: random.Random) -> str:
        if is_uuid(make_call_id(random.Random(0))):
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))
        return f"agent_{rng.getrandbits(48):012x}"

    return Origin(vendor, make_call_id, make_agent_id, dialect.cost_unit)


def some_calls(vendor: str, count: int, seed: int = 0) -> list[Call]:
    """Demo calls of one vendor, crowded into a few hours so that many have the same instant."""
    rng = random.Random(f"{vendor} {seed}")
    calls = list(demo_calls(origin(vendor), count=count, seed=seed, until=START + timedelta(days=30)))
    for call in calls:
        call.created_at = START + timedelta(hours=rng.randrange(30))
        if rng.random() < 0.6:
            call.from_number = rng.choice(NUMBERS)
        if call.contact is not None and rng.random() < 0.6:
            call.contact.phone_number = rng.choice(NUMBERS)
        if rng.random() < 0.3:
            call.campaign = Campaign(id=f"batch-{rng.randrange(3)}")
    return calls


def odd_ones() -> list[Sighting]:
    """Payloads with undocumented words, and with the two words for one status."""
    base = {"direction": "inbound", "type": "ai_call", "created_at": "2026-03-01T05:00:00Z"}
    odd: list[dict[str, object]] = [
        {"call_status": "answering-machine", "call_result": "voicemail"},
        {"call_status": "voice_mail", "call_result": "voicemail"},
        {"call_status": "teleported", "call_result": "enlightened"},
        {"call_status": "failed", "call_result": "failed"},
        {"call_status": "completed", "call_result": None},
    ]
    read = dialects()["contactship"].from_wire
    return [
        read({"id": str(uuid.UUID(int=n, version=4)), **base, **payload})
        for n, payload in enumerate(odd * 3, 1)
    ]


@pytest.fixture(scope="session")
def crowd(new_world: Callable[..., World]) -> World:
    """About 260 calls of every vendor."""
    world = new_world()
    for vendor in dialects():
        world.take(some_calls(vendor, 50))
    world.see(odd_ones())
    return world


def as_own(call: Call, vendor: str) -> Call:
    """The same call as if it had come in from another vendor."""
    made = dialects()[vendor].ids.derive(call.id)
    call.vendor, call.vendor_call_id, call.id = vendor, made, call_id(vendor, made)
    return call
