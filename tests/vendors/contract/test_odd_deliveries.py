"""Deliveries with odd values, taken in by the webhooks of every vendor on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import pytest

from tests.conftest import World
from tests.vendors.captures import JSON, Capture, sound
from tests.vendors.contract.test_deliveries import changed, every_door
from tests.vendors.contract.test_odd_values import ODD_VALUES, few, sound_captures, value_at
from tests.vendors.signatures import NoSignatureCases, cases, signing_of
from trunkline.ingest.webhooks import Receipt, Webhooks, parse_delivery, split_delivery
from trunkline.kit.door import FORM, AnswerExpected, Door
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import Delivery
from trunkline.model.field_problems import MAX_PATH_LENGTH, without_controls
from trunkline.model.ids import is_uuid
from trunkline.service.clock import system_clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.intake import Intake
from trunkline.service.sources import Source
from trunkline.vendors import doors

AT_ONCE = 40
VALUES_A_PLACE = 3
LISTS = {
    "trunkline": "/v1/calls?page_size=1000&include=turns,words,tools",
    "zudu": "/api/calls?limit=100",
    "butter": "/api/calls?limit=100",
    "callem": "/v1/calls?limit=100",
    "contactship": "/v1/calls?limit=100",
}
"""Where the calls are printed in every dialect."""


class OddDelivery(NamedTuple):
    """A delivery of a call of its own, one value of which is odd."""

    where: str
    names: set[str]
    """The ids of the calls that it speaks of."""
    body: bytes
    content_type: str


class Sender:
    """Signs and sends deliveries to a source of one vendor."""

    def __init__(self, world: World, door: Door) -> None:
        self.world = world
        self._way = None
        secrets = []
        if signing_of(door) is not None and door.signature.secret_is:
            found = cases(door.name)
            self._secret, self._way = found.secret, next(iter(found.ways.values()))
            secrets = [found.secret]
        commits = GroupCommit(Intake(world.joined.writer, system_clock))
        self._webhooks = Webhooks(world.joined.sources, doors(), commits, system_clock)
        self._source: Source = world.run(
            world.joined.sources.add(world.org.name, door.name, webhook_secrets=secrets)
        )

    async def _send(self, body: bytes, headers: dict[str, str]) -> Receipt:
        delivery = Delivery(body=body, headers={}, url="")
        if self._way is not None:
            delivery = self._way.signed(body, datetime.now(UTC), self._secret)
        signed = msgspec.structs.replace(delivery, headers={**delivery.headers, **headers})
        return await self._webhooks.ingest(self._source, signed)

    def send(self, body: bytes, content_type: str = JSON, **headers: str) -> Receipt:
        """One delivery; raises what the webhooks raise."""
        return self.world.run(self._send(body, {"content-type": content_type, **headers}))

    def send_all(self, deliveries: list[OddDelivery]) -> list[Receipt]:
        """Many deliveries, some of them at the same time."""

        async def work() -> list[Receipt]:
            receipts: list[Receipt] = []
            for first in range(0, len(deliveries), AT_ONCE):
                some = deliveries[first : first + AT_ONCE]
                sending = [self._send(one.body, {"content-type": one.content_type}) for one in some]
                receipts += await asyncio.gather(*sending)
            return receipts

        return self.world.run(work())


@pytest.fixture
def sender(world: World, door: Door) -> Sender:
    try:
        return Sender(world, door)
    except NoSignatureCases as error:
        pytest.fail(str(error))


def deliveries_of(door: Door) -> Iterator[tuple[Capture, Any, set[str]]]:
    """The captured deliveries that speak of calls, with the ids that name these."""
    for capture, document, found in sound_captures(door):
        if capture.read_by != "from_wire":
            yield capture, document, {one.vendor_call_id for one in found}


def places_in(document: Any, names: set[str]) -> list[tuple[Any, ...]]:
    """The paths of everything in a document but what says which call it is of."""
    # In our own form the vendor is a part of what says which call it is.
    return [
        path for path in few(document) if value_at(document, path) not in [*names] and path[-1] != "vendor"
    ]


def other_names(names: set[str]) -> dict[str, str]:
    """Ids of calls that nobody has spoken of."""
    return {one: str(uuid4()) if is_uuid(one) else f"{one[:100]}-{uuid4().hex}" for one in names}


def renamed(value: Any, names: dict[str, str]) -> Any:
    """A document in which calls have other ids."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {name: renamed(item, names) for name, item in value.items()}
    return value


def written(capture: Capture, document: Any) -> tuple[bytes, str]:
    """A document as it is sent, with its content type."""
    content_type = capture.headers.get("content-type", JSON)
    if content_type.partition(";")[0] != FORM:
        return json.dumps(document).encode(), content_type
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in document.items()}
    return urlencode(texts).encode(), content_type


def odd_deliveries(door: Door) -> Iterator[OddDelivery]:
    """Each capture with one odd value for each place in it, a call of its own for each."""
    odd = cycle(ODD_VALUES.items())
    for capture, document, names in deliveries_of(door):
        for path in places_in(document, names):
            without = ids_in(door, *written(capture, changed(document, path, msgspec.UNSET)))
            if without != names:
                continue  # the id stands in it
            for name, value in islice(odd, VALUES_A_PLACE):
                others = other_names(names)
                body, content_type = written(capture, changed(renamed(document, others), path, value))
                where = f"{capture.name}: {'.'.join(map(str, path))} = {name}"
                yield OddDelivery(where, set(others.values()), body, content_type)


def ids_in(door: Door, body: bytes, content_type: str) -> set[str] | None:
    """The calls that a delivery speaks of; `None` if it cannot be read."""
    try:
        parsed = parse_delivery(door, body, content_type)
    except (Unreadable, AnswerExpected):
        return None
    return {one.vendor_call_id for one in parsed.sightings}


def problems_in(door: Door, body: bytes, content_type: str) -> set[str]:
    """The paths of the values that a delivery's reader names."""
    parts = split_delivery(door, body, content_type)
    return {
        without_controls(path)[:MAX_PATH_LENGTH]
        for part in parts
        for sighting in parse_delivery(door, *part).sightings
        for path in sighting.problems or ()
    }


def stored(world: World) -> dict[str, set[str]]:
    """The calls in the log, with the paths of the problems that are kept with their payloads."""
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT c.vendor_call_id, s.problems FROM calls c LEFT JOIN sightings s"
            " USING (org_id, vendor, vendor_call_id) WHERE c.org_id = $1",
            world.org.id,
        )
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["vendor_call_id"], set()).update(json.loads(row["problems"] or "{}"))
    return found


@every_door
def test_a_delivery_with_an_odd_value_is_in_the_log_and_its_problems_are_named(
    door: Door, sender: Sender
) -> None:
    sent = list(odd_deliveries(door))
    assert len(sent) > len(ODD_VALUES)
    receipts = sender.send_all(sent)
    found = stored(sender.world)
    for one, receipt in zip(sent, receipts, strict=True):
        assert receipt.received, one.where
        assert one.names & found.keys(), f"{one.where}: {receipt}"
        named = problems_in(door, one.body, one.content_type)
        assert named == set().union(*(found.get(name, ()) for name in one.names)), one.where
    for dialect, path in LISTS.items():
        assert sender.world.get(dialect, path).status_code == 200, dialect


@every_door
def test_nul_in_words_and_names_costs_no_call(door: Door, sender: Sender) -> None:
    """In the name of an event, in a word, and in the name of a field that nobody knows."""
    sent: list[OddDelivery] = []
    for capture, document, names in deliveries_of(door):
        others = other_names(names)
        copy = renamed(document, others)
        for place in [copy, *(value_at(copy, path) for path in few(copy))]:
            if isinstance(place, dict):
                place["no\x00name"] = "no\x00word"
        body, content_type = written(capture, copy)
        sent.append(OddDelivery(capture.name, set(others.values()), body, content_type))
        for path in places_in(document, names):
            value = value_at(document, path)
            if not isinstance(value, str) or len(value) > 60:
                continue
            others = other_names(names)
            body, content_type = written(capture, changed(renamed(document, others), path, f"{value}\x00"))
            if ids_in(door, body, content_type) == set(others.values()):
                where = f"{capture.name}: {'.'.join(map(str, path))}"
                sent.append(OddDelivery(where, set(others.values()), body, content_type))
    assert len(sent) > len(list(sound(door.name))) // 2
    receipts = sender.send_all(sent)
    found = stored(sender.world)
    for one, receipt in zip(sent, receipts, strict=True):
        assert receipt.received
        assert one.names <= found.keys(), one.where
