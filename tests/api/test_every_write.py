"""What holds for every request that is not a GET, of every dialect: found from what the dialects declare."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest

from tests.api.own_database import own_database
from tests.api.wire import parsed
from tests.conftest import MAX_WAIT_SECONDS, Background, Server, World
from tests.vendors.conftest import some_calls
from trunkline.kit.auth import NewKey
from trunkline.kit.dialect import Dialect, Operation
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id
from trunkline.settings import Settings
from trunkline.vendors import dialects

MAX_BODY = 2000
NO_CALL = str(uuid.UUID(int=7))


class Write(NamedTuple):
    """One route that takes something other than a GET."""

    dialect: Dialect
    operation: Operation

    def __str__(self) -> str:
        return f"{self.dialect.name}-{self.operation.name}"

    @property
    def body(self) -> bytes:
        return b"" if self.operation.body is None else self.operation.body.example

    def path(self, printed_id: str = NO_CALL) -> str:
        return f"/{self.dialect.name}{self.operation.path.replace('{id}', printed_id)}"

    def ask(
        self,
        client: httpx2.Client | World,
        headers: dict[str, str],
        content: Any = None,
        printed_id: str = NO_CALL,
    ) -> httpx2.Response:
        sent = self.body if content is None else content
        told = {"content-type": "application/json", **headers}
        return client.request(self.operation.method, self.path(printed_id), headers=told, content=sent)

    def assert_refused(self, answer: httpx2.Response, fault: Fault) -> None:
        """The answer is this fault's, and its body has the vendor's shape."""
        self.assert_body(answer.status_code, answer.headers["content-type"], answer.content, fault)

    def assert_body(self, status: int, kind: str, body: bytes, fault: Fault) -> None:
        errors = self.dialect.errors
        assert (status, kind) == (errors.status(fault), errors.media_type), body
        msgspec.json.decode(body, type=errors.shape, strict=True)
        assert set(msgspec.json.decode(body)) == set(msgspec.to_builtins(errors.answer(Refused(fault))[1]))


ROUTES = [
    Write(dialect, operation)
    for dialect in dialects().values()
    for operation in dialect.operations
    if operation.method != "GET"
]
WITH_BODY = [route for route in ROUTES if route.operation.parse_body is not None]
WITHOUT_BODY = [route for route in ROUTES if route.operation.parse_body is None]
OF_ONE_CALL = [
    route
    for route in ROUTES
    if "{id}" in route.operation.path and Fault.PAYLOAD_NOT_FOUND not in route.operation.faults
]


def test_there_are_routes_of_every_kind() -> None:
    assert all(route.operation.scope == "write" for route in [*WITHOUT_BODY, *OF_ONE_CALL])
    assert WITH_BODY
    assert WITHOUT_BODY


# -- slow bodies ----------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def dawdling(server: Server, new_world: Callable[..., World]) -> Iterator[dict[str, socket.socket]]:
    """A request to every route that takes a body, which never comes; all at once, while others are tried."""
    world = new_world()
    with ExitStack() as stack:
        opened = {}
        for route in WITH_BODY:
            connection = socket.create_connection(
                ("127.0.0.1", server.port), timeout=Settings().body_seconds + MAX_WAIT_SECONDS
            )
            opened[str(route)] = stack.enter_context(connection)
            headers = {**world.headers[route.dialect.name], "host": "calls.test", "content-length": "100"}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"{route.operation.method} {route.path()} HTTP/1.1\r\n{lines}connection: close\r\n\r\n"
            connection.sendall(head.encode() + b"{")
        yield opened


# -- keys -----------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_writes_without_a_key_or_with_a_strangers(world: World, route: Write) -> None:
    strangers = route.dialect.auth.headers_for(NewKey.generate())
    for headers, fault in (({}, Fault.NO_CREDENTIAL), (strangers, Fault.UNKNOWN_CREDENTIAL)):
        answer = route.ask(world, headers)
        route.assert_refused(answer, fault)
        assert answer.status_code in (401, 403)


@pytest.mark.claim("trunkline:write.scope")
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_key_that_may_only_read_is_403_in_the_words_of_every_dialect(world: World, route: Write) -> None:
    reader = world.run(world.joined.keys.create(world.name, scopes=["read"])).headers[route.dialect.name]
    answer = route.ask(world, reader)
    if route.operation.scope == "read":  # a search may be requested by POST
        assert answer.status_code == 200
    else:
        assert answer.status_code == 403
        route.assert_refused(answer, Fault.SCOPE_MISSING)
    assert world.get("trunkline", "/v1/calls").json()["calls"] == []


# -- calls of others ------------------------------------------------------


def id_of_a_call(world: World, vendor: str) -> str:
    """The id of a call that an org has, as the vendor's dialect knows it."""
    ids = dialects()[vendor].ids
    (call,) = some_calls(vendor, 1)
    call.vendor_call_id = ids.derive(str(uuid.uuid4()))
    call.id = call_id(vendor, call.vendor_call_id)
    world.take([call])
    return ids.printed(call)


def all_that_is_held(world: World) -> tuple[Any, ...]:
    kept = "SELECT count(*) FROM sightings WHERE org_id = $1"
    calls = world.get("trunkline", "/v1/calls?include=turns,words,tools")
    assert calls.status_code == 200
    return (
        calls.content,
        world.get("trunkline", "/v1/calls:changes?after=0").content,
        world.run(world.joined.pool.fetchval(kept, world.org.id)),
    )


@pytest.mark.parametrize("route", OF_ONE_CALL, ids=str)
def test_another_orgs_call_is_not_found_and_stays_as_it_is(
    new_world: Callable[..., World], route: Write
) -> None:
    owner, other = new_world(), new_world()
    name = route.dialect.name
    printed = id_of_a_call(owner, name)
    before = all_that_is_held(owner)
    theirs = route.ask(other, other.headers[name], printed_id=printed)
    route.assert_refused(theirs, Fault.CALL_NOT_FOUND)
    nobodys_id = route.dialect.ids.derive(str(uuid.uuid4()))
    nobodys = route.ask(other, other.headers[name], printed_id=nobodys_id)
    assert theirs.text.replace(printed, nobodys_id) == nobodys.text
    assert all_that_is_held(owner) == before
    assert other.get("trunkline", "/v1/calls").json()["calls"] == []
    owners = route.ask(owner, owner.headers[name], printed_id=printed)
    assert owners.status_code in (*route.operation.statuses, 400), owners.text  # it may not be scheduled


# -- large bodies ---------------------------------------------------------


@pytest.fixture(scope="module")
def small(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A server that takes small bodies only."""
    log = tmp_path_factory.mktemp("small") / "server.log"
    served = Server(embedded_url, log, TRUNKLINE_MAX_BODY_BYTES=str(MAX_BODY))
    served.wait_until_ready()
    with httpx2.Client(base_url=served.url, timeout=MAX_WAIT_SECONDS) as client:
        yield client
    served.stop()


def pieces() -> Iterator[bytes]:
    """A body without a length in the headers."""
    for _ in range(MAX_BODY // 100 + 1):
        yield b" " * 100


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_a_body_over_the_limit_is_413_whether_its_length_is_known_or_not(
    world: World, small: httpx2.Client, route: Write
) -> None:
    headers = world.headers[route.dialect.name]
    for body in (b" " * (MAX_BODY + 1), pieces()):
        answer = route.ask(small, headers, body)
        route.assert_refused(answer, Fault.TOO_LARGE)
        assert answer.status_code == 413
    just = route.body + b" " * (MAX_BODY - len(route.body))
    assert route.ask(small, headers, just).status_code in (*route.operation.statuses, 404)


@pytest.mark.parametrize("route", WITHOUT_BODY, ids=str)
def test_a_body_that_was_not_requested_is_not_read_however_large(
    world: World, small: httpx2.Client, route: Write
) -> None:
    answer = route.ask(small, world.headers[route.dialect.name], b" " * (MAX_BODY + 1))
    route.assert_refused(answer, Fault.CALL_NOT_FOUND)


# -- no database ----------------------------------------------------------


class Alone(NamedTuple):
    """A server whose database is unavailable, and the headers of a key that it knew."""

    client: httpx2.Client
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    log: Path = tmp_path_factory.mktemp("alone") / "server.log"
    with own_database() as database:
        background = Background()
        made = background.run(background.open(database.url).keys.create("acme"))
        background.close()
        served = Server(database.url, log)
        try:
            served.wait_until_ready()
            database.stop()
            with httpx2.Client(base_url=served.url, timeout=MAX_WAIT_SECONDS) as client:
                yield Alone(client, made.headers)
        finally:
            served.stop()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_while_the_database_is_away_a_write_is_503_and_may_be_tried_again(alone: Alone, route: Write) -> None:
    answer = route.ask(alone.client, alone.headers[route.dialect.name])
    route.assert_refused(answer, Fault.UNAVAILABLE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


# -- slow bodies, again ---------------------------------------------------


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_a_body_that_does_not_come_is_408(dawdling: dict[str, socket.socket], route: Write) -> None:
    received = bytearray()
    while piece := dawdling[str(route)].recv(65536):
        received += piece
    answer = parsed(bytes(received))
    route.assert_body(answer.status, answer.headers["content-type"], answer.body, Fault.TOO_SLOW)
    assert answer.status == 408
