"""A door's list API, used as a client of a running server that speaks the vendor's dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import msgspec
import pytest

from tests.conftest import World
from tests.vendors.conftest import START, odd_ones, some_calls
from trunkline.kit.door import Door
from trunkline.kit.list_api import ListApi, Request
from trunkline.model.call import Call
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.vendors import dialects, doors

BOTH = [door for name, door in doors().items() if name in dialects() and door.list_api is not None]
every_door = pytest.mark.parametrize("door", BOTH, ids=[door.name for door in BOTH])

encode = msgspec.json.Encoder(decimal_format="number").encode

MORE_THAN_A_PAGE = 230
MAX_PAGES = 10


class Client:
    """Requests one org's calls from a server, as a door defines."""

    def __init__(self, world: World, door: Door) -> None:
        assert door.list_api is not None
        self.world = world
        self.door = door
        self.api: ListApi = door.list_api
        worn = [value.removeprefix("Bearer ") for value in world.headers[door.name].values()]
        self.credential = dict(zip(self.api.credential, worn, strict=True))
        self.requests: list[Request] = []

    def send(self, request: Request) -> Any:
        answer: httpx2.Response = self.world.request(
            request.method,
            f"/{self.door.name}{request.path}",
            headers=self.api.headers(self.credential),
            params=list(request.query),
            **({} if request.body is None else {"json": request.body}),
        )
        assert answer.status_code == 200, answer.text
        assert "trunkline-ignored" not in answer.headers, answer.headers["trunkline-ignored"]
        self.requests.append(request)
        return answer.json()

    def pages(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[list[Any]]:
        request: Request | None = self.api.first(since, until)
        while request is not None:
            assert len(self.requests) < MAX_PAGES, "it does not end"
            listed = self.api.read(self.send(request), request)
            yield listed.items
            request = listed.next_request

    def items(self, since: datetime | None = None, until: datetime | None = None) -> list[Any]:
        """Every call, in its most complete form."""
        listed = [item for page in self.pages(since, until) for item in page]
        if self.api.one is None or self.api.read_one is None:
            return listed
        known_as = [self.door.from_wire(item).vendor_call_id for item in listed]
        return [self.api.read_one(self.send(self.api.one(call_id))) for call_id in known_as]

    def sightings(self) -> list[Sighting]:
        return [self.door.from_wire(item) for item in self.items()]


def own_calls(vendor: str, count: int) -> list[Call]:
    """Calls of one vendor; of our own dialect, which has none, those of another."""
    if dialects()[vendor].is_lossless:
        return some_calls(next(name for name in dialects() if name != vendor), count)
    return some_calls(vendor, count)


@every_door
def test_a_pull_gets_every_call_of_several_pages_once(door: Door, new_world: Callable[..., World]) -> None:
    world = new_world()
    calls = own_calls(door.name, MORE_THAN_A_PAGE)
    world.take(calls)
    client = Client(world, door)
    met = [door.from_wire(item).vendor_call_id for page in client.pages() for item in page]
    assert len(client.requests) > 1
    assert len(met) == len(set(met))
    assert set(met) == {call.vendor_call_id for call in calls}


@every_door
def test_a_log_that_was_pulled_answers_like_the_log_it_was_pulled_from(
    door: Door, new_world: Callable[..., World]
) -> None:
    world, copy = new_world(), new_world()
    world.take(own_calls(door.name, 60))
    if door.name == "contactship":
        world.see(odd_ones())
    client = Client(world, door)
    pulled = client.sightings()
    copy.see(pulled)
    original, copied = (by_id(door, Client(each, door).items()) for each in (world, copy))
    assert original
    assert copied == original


def by_id(door: Door, items: list[Any]) -> dict[str, Any]:
    return {door.from_wire(item).vendor_call_id: item for item in items}


@every_door
def test_a_pulled_call_says_all_that_its_vendors_form_can_say(
    door: Door, new_world: Callable[..., World]
) -> None:
    world, dialect = new_world(), dialects()[door.name]
    calls = {call.vendor_call_id: call for call in own_calls(door.name, 60)}
    world.take(list(calls.values()))
    for sighting in Client(world, door).sightings():
        original = calls[sighting.vendor_call_id]
        pulled, _ = first_call(sighting, original.id, START)
        printed = [encode(dialect.to_wire(call)).decode() for call in (pulled, original)]
        # The org is named by the server alone, which knows whose the call is.
        assert json.loads(printed[0].replace(world.name, "")) == json.loads(printed[1])


@every_door
def test_a_log_that_is_pulled_again_brings_nothing_new(door: Door, new_world: Callable[..., World]) -> None:
    world, copy = new_world(), new_world()
    world.take(own_calls(door.name, 30))
    pulled = Client(world, door).sightings()
    assert copy.see(pulled).stored == 30
    again = copy.see(Client(world, door).sightings())
    assert (again.stored, again.unchanged) == (0, 30)


@every_door
def test_an_empty_log_is_one_page(door: Door, world: World) -> None:
    client = Client(world, door)
    assert client.items() == []
    assert len(client.requests) == 1


@every_door
def test_the_pages_of_one_instant_hold_every_call_once(door: Door, new_world: Callable[..., World]) -> None:
    world = new_world()
    calls = own_calls(door.name, MORE_THAN_A_PAGE)
    for call in calls:
        call.created_at = START
    world.take(calls)
    met = [door.from_wire(item).vendor_call_id for page in Client(world, door).pages() for item in page]
    assert sorted(met) == sorted(call.vendor_call_id for call in calls)


RANGED = [
    door
    for door in BOTH
    if door.list_api and door.list_api.first(START, None).query != door.list_api.first(None, None).query
]


@pytest.mark.parametrize("door", RANGED, ids=[door.name for door in RANGED])
def test_a_range_of_creation_holds_both_its_ends_and_nothing_outside(
    door: Door, new_world: Callable[..., World]
) -> None:
    world = new_world()
    calls = own_calls(door.name, 40)
    for minutes, call in enumerate(calls):
        call.created_at = START + timedelta(minutes=minutes, microseconds=123000)
    world.take(calls)
    since, until = calls[10].created_at, calls[20].created_at
    items = Client(world, door).items(since, until)
    met = {door.from_wire(item).vendor_call_id for item in items}
    assert met == {call.vendor_call_id for call in calls[10:21]}
    assert len(items) == 11


@every_door
def test_calls_come_newest_first_where_the_door_says_so(door: Door, new_world: Callable[..., World]) -> None:
    world = new_world()
    world.take(own_calls(door.name, 40))
    assert door.list_api is not None
    sightings = Client(world, door).sightings()
    created = [sighting.created_at for sighting in sightings]
    if door.list_api.newest_first:
        assert created == sorted(created, reverse=True)  # type: ignore[type-var]
    assert len(created) == 40
