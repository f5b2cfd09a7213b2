"""Requests sent again under an Idempotency-Key are done once, and answered alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.api.test_writes import CALLS, ask, call_body, report
from tests.conftest import World
from trunkline.model.faults import Fault, Refused
from trunkline.service.idempotency import MAX_RUN, REMEMBERED, Idempotency, StoredResponse
from trunkline.store.idempotency import IdempotencyStore

KEY = {"Idempotency-Key": "order-66"}
REPLAYED = "idempotent-replayed"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = (b"upsert_calls", b"", b"", b"{}")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Doing:
    """Something to be done, which counts how often it was."""

    def __init__(self, status: int = 201) -> None:
        self.status = status
        self.times = 0

    async def __call__(self) -> StoredResponse:
        self.times += 1
        return StoredResponse(self.status, b"%d" % self.times, [("content-type", "text/plain")])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repeats(world: World, clock: Clock) -> Idempotency:
    return Idempotency(IdempotencyStore(world.joined.pool), clock)


def once(
    world: World, repeats: Idempotency, doing: Doing, request: tuple[bytes, ...] = REQUEST
) -> StoredResponse:
    return world.run(repeats.once(world.org, "key", request, doing))


# -- over HTTP ------------------------------------------------------------


@pytest.mark.claim("trunkline:write.repeat")
def test_a_repeated_request_is_answered_as_the_first_time_and_says_so(world: World) -> None:
    first = ask(world, "POST", CALLS, call_body("c-1"), **KEY)
    again = ask(world, "POST", CALLS, call_body("c-1"), **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get(REPLAYED), again.headers.get(REPLAYED)) == (None, "true")


def test_every_write_of_ours_can_be_repeated(world: World) -> None:
    call_id = report(world)
    for method, tail, body in [
        ("PATCH", "", {"result": "busy"}),
        ("POST", "/events", {"type": "turn", "role": "user", "text": "Once."}),
        ("DELETE", "", None),
    ]:
        path, key = f"{CALLS}/{call_id}{tail}", {"Idempotency-Key": f"{method}{tail}"}
        first, again = (ask(world, method, path, body, **key) for _ in range(2))
        assert first.status_code < 300
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers.get(REPLAYED) == "true"


def test_a_refusal_is_repeated_as_well(world: World) -> None:
    bad = {"status": "completed"}
    first, again = (ask(world, "POST", CALLS, bad, **KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers.get(REPLAYED) == "true"


def test_another_request_with_the_same_key_is_refused_and_not_done(world: World) -> None:
    ask(world, "POST", CALLS, call_body("c-1"), **KEY)
    other = ask(world, "POST", CALLS, call_body("c-2"), **KEY)
    assert other.status_code == 422
    assert "another request" in other.json()["detail"]
    assert len(world.get("trunkline", CALLS).json()["calls"]) == 1


def test_keys_of_two_orgs_have_nothing_to_do_with_each_other(
    world: World, new_world: Callable[..., World]
) -> None:
    ask(world, "POST", CALLS, call_body("c-1"), **KEY)
    theirs = ask(new_world(), "POST", CALLS, call_body("c-2"), **KEY)
    assert (theirs.status_code, REPLAYED in theirs.headers) == (201, False)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_text_that_is_no_key_is_refused(world: World, key: str) -> None:
    answer = ask(world, "POST", CALLS, call_body("c-1"), **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_key_of_255_characters_is_a_key(world: World) -> None:
    answers = [
        ask(world, "POST", CALLS, call_body("c-1"), **{"Idempotency-Key": "k" * 255}) for _ in range(2)
    ]
    assert [REPLAYED in answer.headers for answer in answers] == [False, True]


def test_vendors_apis_know_no_such_key(world: World) -> None:
    def deleted() -> httpx2.Response:
        return ask(world, "DELETE", "/api/calls/call_x", dialect="zudu", **KEY)

    assert [deleted().status_code, REPLAYED in deleted().headers] == [404, False]


# -- in time --------------------------------------------------------------


def test_an_answer_is_remembered_for_a_day(world: World, repeats: Idempotency, clock: Clock) -> None:
    doing = Doing()
    once(world, repeats, doing)
    clock.now += REMEMBERED - timedelta(seconds=1)
    assert once(world, repeats, doing).replayed
    clock.now += timedelta(seconds=2)
    assert not once(world, repeats, doing).replayed
    assert doing.times == 2


def test_an_answer_of_500_or_more_is_not_remembered(world: World, repeats: Idempotency) -> None:
    failing = Doing(503)
    assert [once(world, repeats, failing).body for _ in range(2)] == [b"1", b"2"]
    assert not once(world, repeats, Doing()).replayed


def test_a_failure_gives_the_key_back(world: World, repeats: Idempotency) -> None:
    async def fail() -> StoredResponse:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        world.run(repeats.once(world.org, "key", REQUEST, fail))
    assert not once(world, repeats, Doing()).replayed


def test_a_second_request_while_the_first_runs_is_a_conflict(world: World, repeats: Idempotency) -> None:
    refusals: list[Fault] = []

    async def do() -> StoredResponse:
        try:
            await repeats.once(world.org, "key", REQUEST, Doing())
        except Refused as refused:
            refusals.append(refused.fault)
        return StoredResponse(200, b"first", [])

    assert world.run(repeats.once(world.org, "key", REQUEST, do)).body == b"first"
    assert refusals == [Fault.CONFLICT]


def test_a_request_that_died_may_be_done_again_after_a_while(
    world: World, repeats: Idempotency, clock: Clock
) -> None:
    store = IdempotencyStore(world.joined.pool)
    doing = Doing()
    once(world, repeats, doing)
    dead = "UPDATE idempotent_requests SET status = NULL WHERE org_id = $1"
    world.run(world.joined.pool.execute(dead, world.org.id))
    with pytest.raises(Refused) as refused:
        once(world, repeats, doing)
    assert refused.value.fault is Fault.CONFLICT
    clock.now += MAX_RUN + timedelta(seconds=1)
    with pytest.raises(Refused) as refused:
        once(world, repeats, doing, (b"another",))
    assert refused.value.fault is Fault.UNPROCESSABLE
    assert not once(world, repeats, doing).replayed
    assert doing.times == 2
    assert world.run(store.find(world.org.id, "key")) is not None


def test_what_is_too_old_is_swept(world: World, repeats: Idempotency, clock: Clock) -> None:
    once(world, repeats, Doing())
    clock.now += REMEMBERED + timedelta(hours=1)
    world.run(repeats.once(world.org, "other", REQUEST, Doing()))
    world.run(repeats.sweep())
    keys = "SELECT key FROM idempotent_requests WHERE org_id = $1"
    rows = world.run(world.joined.pool.fetch(keys, world.org.id))
    assert [row["key"] for row in rows] == ["other"]


def test_a_repeated_answer_keeps_its_headers(world: World, repeats: Idempotency) -> None:
    doing = Doing()
    first, again = once(world, repeats, doing), once(world, repeats, doing)
    assert json.dumps(again.headers) == json.dumps([list(pair) for pair in first.headers])
