"""Calls are indexed by every server and by a command; a search is right before and after."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.cli.conftest import Trunkline
from tests.conftest import MAX_WAIT_SECONDS, Background, World
from tests.vendors.conftest import some_calls
from trunkline.compose import Services
from trunkline.store.search.index import SearchIndex

PIECES = ("the", "hello", "e", "nobody says this")


def found(world: World) -> list[int]:
    answers = [
        world.get("trunkline", "/v1/calls", params={"transcript_search": text, "include_total": "true"})
        for text in PIECES
    ]
    assert [answer.status_code for answer in answers] == [200] * len(PIECES)
    return [answer.json()["total_size"] for answer in answers]


def test_a_server_indexes_what_was_written_and_a_search_finds_the_same_all_along(
    new_world: Callable[..., World], background: Background, joined: Services
) -> None:
    world, store = new_world(), SearchIndex(joined.pool)
    world.take(some_calls("zudu", 60))
    org_id = background.run(joined.keys.org_id(world.name))
    first = found(world)
    assert first[0] > 0
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while background.run(store.backlog(org_id)):
        assert time.monotonic() < deadline
        assert found(world) == first
    assert found(world) == first


def test_a_command_leaves_nothing_to_be_indexed(
    new_world: Callable[..., World], trunkline: Trunkline
) -> None:
    world = new_world()
    world.take(some_calls("zudu", 60))
    ran = trunkline("index", "--org", world.name, "--json")
    assert (ran.status, ran.answer["left"]) == (0, 0)
    again = trunkline("index", "--org", world.name)
    assert (again.status, again.out) == (0, "0 calls indexed, 0 left\n")


def test_an_org_that_does_not_exist_is_an_error(trunkline: Trunkline) -> None:
    ran = trunkline("index", "--org", "no-such-org")
    assert ran.status == 2
    assert "no-such-org" in ran.err
