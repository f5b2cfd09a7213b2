"""A big page is sent as it is read, and holds the same bytes as one that is put together whole."""

from __future__ import annotations

from typing import Any, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.wire import Answer, exchange, parsed
from tests.conftest import Server, World
from tests.vendors.conftest import some_calls
from tests.vendors.walks import WALKS
from trunkline.api.rows import MAX_WHOLE_CALLS, is_streamed
from trunkline.kit.query import parameters, read_query
from trunkline.model.intents import ListCalls
from trunkline.vendors import dialects

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
TRANSCRIPT = {"contactship": "include_transcript=true", "trunkline": "include=turns"}
"""The parameter that includes a transcript where the list does not print it anyway."""


def largest_page(dialect: str) -> ListCalls:
    operation, limit = dialects()[dialect].operations[0], WALKS[dialect].limit
    meta = parameters(operation.query)[limit].meta
    assert meta is not None
    largest = meta.le or (meta.extra or {})["clamp"]
    asked = f"{limit}={largest}&{TRANSCRIPT.get(dialect, '')}"
    intent = operation.to_intent(read_query(asked.encode(), operation.query)[0], "")
    assert isinstance(intent, ListCalls)
    return intent


STREAMING = sorted(
    name for name in dialects() if is_streamed(dialects()[name].operations[0].rows, largest_page(name))
)


def put_together_whole(server: Server, world: World, dialect: str, target: str) -> Answer:
    """The answer to a client of HTTP/1.0, which cannot take an answer in chunks."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in world.headers[dialect].items())
    request = f"GET /{dialect}{target} HTTP/1.0\r\n{headers}\r\n"
    return parsed(exchange(server.port, request.encode()))


def assert_same(server: Server, world: World, dialect: str, target: str, *, streamed: bool) -> None:
    answer = world.get(dialect, target)
    assert answer.status_code == 200, answer.text
    assert ("transfer-encoding" in answer.headers) == streamed, target
    assert ("content-length" in answer.headers) != streamed, target
    whole = put_together_whole(server, world, dialect, target)
    assert whole.headers["content-length"] == str(len(whole.body))
    assert whole.headers["content-type"] == answer.headers["content-type"]
    assert answer.content == whole.body, target


def test_every_list_whose_pages_may_be_big_is_streamed_and_no_other() -> None:
    for name in dialects():
        intent = largest_page(name)
        assert (name in STREAMING) == (intent.window.limit > MAX_WHOLE_CALLS and intent.with_transcript)


@pytest.mark.parametrize(
    ("dialect", "skipping"),
    [
        (name, skipping)
        for name in STREAMING
        for skipping in ("", "offset=0", "offset=1", "offset=200", "offset=100000")
        if not skipping or "offset" in parameters(dialects()[name].operations[0].query)
    ],
)
@pytest.mark.parametrize("limit", [100, 101, 150, 260, 1000])
def test_a_streamed_page_is_the_same_to_the_byte(
    dialect: str, limit: int, skipping: str, crowd: World, server: Server
) -> None:
    walk = WALKS[dialect]
    parts = (f"{walk.limit}={limit}", skipping, TRANSCRIPT.get(dialect, ""))
    target = f"{walk.path}?{'&'.join(filter(None, parts))}"
    assert_same(server, crowd, dialect, target, streamed=limit > MAX_WHOLE_CALLS)


# Positions of a parameter and of its value: everything is drawn before anything is requested.
choices = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4)


@pytest.mark.parametrize("dialect", STREAMING)
@given(limit=st.integers(MAX_WHOLE_CALLS + 1, 300), chosen=choices)
@EXAMPLES
def test_so_is_one_with_any_filter_and_order(
    dialect: str, limit: int, chosen: list[tuple[int, int]], crowd: World, server: Server
) -> None:
    operation, walk = dialects()[dialect].operations[0], WALKS[dialect]
    values: dict[str, Any] = {}
    for name, parameter in parameters(operation.query).items():
        if parameter.kind is bool:
            values[name] = ["true", "false"]
        elif get_origin(parameter.kind) is not None and name != "format":
            values[name] = parameter.kind.__args__
        elif name == "include":
            values[name] = ["turns", "words", "tools", "turns,tools,words"]
    asked = {walk.limit: str(limit)}
    for parameter_at, value_at in chosen if values else []:
        name = list(values)[parameter_at % len(values)]
        asked[name] = values[name][value_at % len(values[name])]
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = crowd.get(dialect, f"{walk.path}?{query}")
    whole = put_together_whole(server, crowd, dialect, f"{walk.path}?{query}")
    assert answer.content == whole.body, query


def test_paging_by_token_through_streamed_pages_returns_every_call_once(crowd: World, server: Server) -> None:
    query, ids, total = "page_size=120&include=turns,words,tools&include_total=true", [], 0
    token = ""
    while True:
        target = f"/v1/calls?{query}{token and f'&page_token={token}'}"
        assert_same(server, crowd, "trunkline", target, streamed=True)
        answer = crowd.get("trunkline", target).json()
        ids += [call["id"] for call in answer["calls"]]
        total, token = answer["total_size"], answer["next_page_token"]
        if token is None:
            break
    assert len(ids) == len(set(ids)) == total


def test_a_page_that_is_just_full_has_no_next(world: World, server: Server) -> None:
    world.take(some_calls("trunkline", 121))
    for size, more in ((120, True), (121, False), (122, False)):
        target = f"/v1/calls?page_size={size}&include=turns"
        assert_same(server, world, "trunkline", target, streamed=True)
        answer = world.get("trunkline", target).json()
        assert len(answer["calls"]) == min(size, 121)
        assert (answer["next_page_token"] is not None) == more


@pytest.mark.parametrize("dialect", STREAMING)
def test_an_empty_page_is_whole_json_too(dialect: str, world: World, server: Server) -> None:
    walk = WALKS[dialect]
    target = f"{walk.path}?{walk.limit}=500&{TRANSCRIPT.get(dialect, '')}"
    assert_same(server, world, dialect, target, streamed=True)


@pytest.mark.parametrize("dialect", STREAMING)
def test_what_is_wrong_is_reported_before_anything_is_streamed(dialect: str, world: World) -> None:
    walk = WALKS[dialect]
    target = f"{walk.path}?{walk.limit}=500&{TRANSCRIPT.get(dialect, '')}"
    answer = world.get(dialect, target, headers={})
    assert answer.status_code == 401
    assert "content-length" in answer.headers
    answer = world.get(dialect, f"{walk.path}?{walk.limit}=500x")
    assert answer.status_code == 400
    assert "content-length" in answer.headers


def test_a_token_of_another_org_is_refused_though_the_page_is_big(crowd: World, world: World) -> None:
    first = crowd.get("trunkline", "/v1/calls?page_size=120&include=turns").json()
    query = f"page_size=120&include=turns&page_token={first['next_page_token']}"
    answer = world.get("trunkline", f"/v1/calls?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["parameter"] == "page_token"


def test_toon_is_put_together_whole(crowd: World) -> None:
    answer = crowd.get("trunkline", "/v1/calls?page_size=500&include=turns&format=toon")
    assert answer.headers["content-type"].startswith("text/toon")
    assert "content-length" in answer.headers


def test_head_of_a_big_page_has_the_headers_alone(crowd: World, server: Server) -> None:
    for name in STREAMING:
        walk = WALKS[name]
        path = f"/{name}{walk.path}?{walk.limit}=1000&{TRANSCRIPT.get(name, '')}"
        answer = crowd.request("HEAD", path, headers=crowd.headers[name])
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/json"
