"""Lists that change while they are pulled: calls added or removed before the position that is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.conftest import Server, World
from tests.ingest.test_pull import listed
from tests.ingest.vendors import Puller
from tests.vendors.test_pulls import BOTH, own_calls
from trunkline.kit.door import Door
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.sighting import sighting_of
from trunkline.service.received import Received
from trunkline.store.pulls import PullStore

BY_OFFSET = [door for door in BOTH if door.list_api is not None and door.list_api.by_offset]
MORE_THAN_TWO_PAGES = 450

each_door = pytest.mark.parametrize("door", BY_OFFSET, ids=[door.name for door in BY_OFFSET])
NewWorld = Callable[..., World]
Turned = Callable[[], Awaitable[None]]


class BrokenOff(BaseException):
    pass


class Moving:
    """A vendor's list, of which some pages are being read, and the pull that reads them."""

    def __init__(self, door: Door, new_world: NewWorld, url: str, patch: pytest.MonkeyPatch) -> None:
        self.theirs, self.ours = new_world(), new_world()
        self.calls = own_calls(door.name, MORE_THAN_TWO_PAGES)
        self.theirs.take(self.calls)
        self.puller = Puller.of(self.ours, self.theirs, door.name, url)
        self._patch = patch

    def after_a_page(self, number: int, turned: Turned) -> None:
        """Run an action when so many pages were read, before the next one is requested."""
        original = PullStore.turn
        pages = 0

        async def turn(store: PullStore, *told: Any) -> None:
            nonlocal pages
            await original(store, *told)
            pages += 1
            if pages == number:
                await turned()

        self._patch.setattr(PullStore, "turn", turn)

    async def take_out(self) -> None:
        """Remove a call from the vendor's list that was listed already."""
        sql = "SELECT vendor_call_id FROM listed_calls WHERE org_id = $1 ORDER BY vendor_call_id LIMIT 1"
        name = await self.ours.joined.pool.fetchval(sql, self.ours.org.id)
        gone = next(one for one in self.calls if one.vendor_call_id == name)
        self.calls.remove(gone)
        assert await self.theirs.joined.writer.delete(self.theirs.org.id, gone.id)

    def newer(self) -> Call:
        """A call that comes first in a list of the newest."""
        first = max(self.calls, key=lambda one: one.created_at)
        name = f"{first.vendor_call_id[:-4]}ffff"
        return structs.replace(
            first,
            id=call_id(first.vendor, name),
            vendor_call_id=name,
            created_at=first.created_at + timedelta(seconds=1),
        )

    def missing(self) -> set[str]:
        """What the vendor lists and we do not hold."""
        held = {one["vendor_call_id"] for one in listed(self.ours)}
        return {one.vendor_call_id for one in self.calls} - held


@pytest.fixture
def moving(door: Door, new_world: NewWorld, server: Server, monkeypatch: pytest.MonkeyPatch) -> Moving:
    return Moving(door, new_world, server.url, monkeypatch)


@each_door
def test_a_call_that_is_removed_lets_no_other_be_missed(moving: Moving) -> None:
    moving.after_a_page(2, moving.take_out)
    moving.puller.pull()
    assert moving.missing() == set()


@each_door
def test_a_call_that_is_added_before_the_offset_is_listed_by_the_same_pull(moving: Moving) -> None:
    newer = moving.newer()
    moving.calls.append(newer)

    async def put_in() -> None:
        await moving.theirs.joined.intake.ingest(moving.theirs.org, [Received(sighting_of(newer))], "test")

    moving.after_a_page(2, put_in)
    total = moving.puller.pull()
    assert moving.missing() == set()
    assert total.new == len(moving.calls)


@each_door
def test_a_pull_that_goes_on_after_the_list_moved_misses_nothing(moving: Moving) -> None:
    async def break_off() -> None:
        raise BrokenOff

    moving.after_a_page(2, break_off)
    with pytest.raises(BrokenOff):
        moving.puller.pull()
    moving.ours.run(moving.take_out())
    moving.puller.pull()
    assert moving.missing() == set()


@each_door
def test_a_list_that_holds_still_is_read_once(moving: Moving) -> None:
    total = moving.puller.pull()
    assert total.calls == total.new == len(moving.calls)
    assert moving.missing() == set()
