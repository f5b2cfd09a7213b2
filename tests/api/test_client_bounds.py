"""What a client may cost that is slow, silent, greedy or unknown: it is cut off, refused, and not read."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from tests.api.test_bad_input import Pairs, assert_refused, target
from tests.api.test_hooks import source_in
from tests.api.wire import Answer, ask, exchange, parsed
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from trunkline.api import connections, http
from trunkline.api.connections import ConnectionLimits, ConnectionTable
from trunkline.api.counters import EdgeCounters
from trunkline.api.http import CONNECTIONS, MAX_FIELDS, MAX_HEAD_BYTES, MAX_PIPELINED, Protocol
from trunkline.kit.auth import NewKey
from trunkline.model.faults import Fault
from trunkline.vendors import dialects

DIALECTS = sorted(dialects())
LARGE = 32 * 1024 * 1024
MANY = 48


@contextmanager
def serving(database_url: str, folder: Path, **settings: str) -> Iterator[Server]:
    told = {f"TRUNKLINE_{name.upper()}": value for name, value in settings.items()}
    own = Server(database_url, folder / "server.log", port=None, **told)
    try:
        own.wait_until_ready()
        yield own
    finally:
        own.stop()


@pytest.fixture(scope="module")
def strict(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short timeouts."""
    with serving(embedded_url, tmp_path_factory.mktemp("strict"), head_seconds="1", idle_seconds="1") as own:
        yield own


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    return new_world()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=MAX_WAIT_SECONDS)


def rest_of(connection: socket.socket) -> bytes:
    """Everything that comes until the server hangs up."""
    received = []
    try:
        while piece := connection.recv(65536):
            received.append(piece)
    except ConnectionError:
        pass
    return b"".join(received)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline


def send_until_cut_off(connection: socket.socket) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    try:
        while True:
            connection.sendall(b"a" * 65536)
            assert time.monotonic() < deadline
    except ConnectionError:
        return


def shed(server: Server) -> dict[str, int]:
    """The refused and closed connections in the log of a server, in all."""
    found: dict[str, int] = {}
    for line in server.log.read_bytes().splitlines():
        if b'"clients shed"' in line:
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    found[name] = found.get(name, 0) + value
    return found


# -- heads that are too large ---------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_a_header_without_an_end_is_refused_in_the_vendors_words(name: str, server: Server) -> None:
    dialect = dialects()[name]
    with connected(server) as connection:
        connection.sendall(b"GET " + target(dialect, dialect.operations[0]) + b" HTTP/1.1\r\nX-Endless: ")
        for _ in range(64):
            connection.sendall(b"a" * 16384)
        answer = parsed(rest_of(connection))
    assert_refused(answer, dialect, Fault.HEADERS_TOO_LARGE)
    assert answer.headers["connection"] == "close"


def test_a_header_without_an_end_takes_no_memory_and_is_cut_off(embedded_url: str, tmp_path: Path) -> None:
    with serving(embedded_url, tmp_path) as own:
        before = own.peak_kib()
        with connected(own) as connection:
            connection.sendall(b"GET /nobody HTTP/1.1\r\nX-Endless: ")
            send_until_cut_off(connection)
        assert own.peak_kib() - before < 8 * 1024
        assert ask(own.port, b"/healthz").status == 200
        wait_until(lambda: shed(own) == {"large_heads": 1})


def test_what_is_nobodys_is_refused_as_a_problem(server: Server) -> None:
    answer = ask(server.port, b"/nobody", [(b"X-Long", b"a" * 100_000)])
    assert (answer.status, answer.headers["content-type"]) == (431, "application/problem+json")
    assert json.loads(answer.body)["status"] == 431


def many_headers(count: int) -> Pairs:
    """So many headers with those that `ask` sends itself."""
    return [(f"X-{number}".encode(), b"1") for number in range(count - 2)]


def test_one_header_too_many_is_refused_and_one_less_is_not(server: Server) -> None:
    for target_ in (b"/healthz", b"/callem/v1/calls"):
        assert ask(server.port, target_, many_headers(MAX_FIELDS)).status in (200, 401)
        assert ask(server.port, target_, many_headers(MAX_FIELDS + 1)).status == 431
        assert ask(server.port, target_, many_headers(20_000)).status == 431


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_headers_may_have_64_kib_in_all_however_they_arrive(pieces: int, server: Server) -> None:
    for size, status in ((MAX_HEAD_BYTES - 200, 200), (MAX_HEAD_BYTES + 1, 431)):
        head = b"GET /healthz HTTP/1.1\r\nConnection: close\r\nX-Long: " + b"a" * size + b"\r\n\r\n"
        step = -(-len(head) // pieces)
        with connected(server) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(head), step):
                connection.sendall(head[start : start + step])
            assert parsed(rest_of(connection)).status == status, size


def test_an_address_of_any_length_is_no_header(server: Server) -> None:
    assert ask(server.port, b"/callem/v1/calls?" + b"x" * 1_000_000).status == 401
    answer = ask(server.port, b"/healthz?" + b"x" * 1_000_000, [(b"X-Long", b"a" * 50_000)])
    assert answer.status == 200


def chunked(world: World, more: bytes) -> bytes:
    """A call that is sent in one chunk with something behind it, and without a key in its head."""
    body = json.dumps({"vendor": "elsewhere", "vendor_call_id": "by-trailer"}).encode()
    head = b"POST /trunkline/v1/calls HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    return head + more.replace(b"{body}", b"%x\r\n%s\r\n" % (len(body), body))


def key_of(world: World) -> bytes:
    ((name, value),) = world.headers["trunkline"].items()
    return f"{name}: {value}\r\n".encode()


def test_a_key_in_a_trailer_is_no_key(world: World, server: Server) -> None:
    trailing = chunked(world, b"\r\n{body}0\r\n" + key_of(world) + b"\r\n")
    assert parsed(exchange(server.port, trailing)).status == 401
    leading = chunked(world, key_of(world) + b"\r\n{body}0\r\nX-Checksum: 1\r\n\r\n")
    assert parsed(exchange(server.port, leading)).status in (200, 201)


@pytest.mark.parametrize("more", [b"0\r\nX-Endless: ", b"3;name=", b"3;"], ids=repr)
def test_trailers_and_chunk_extensions_without_an_end_are_cut_off(
    more: bytes, world: World, server: Server
) -> None:
    with connected(server) as connection:
        connection.sendall(chunked(world, key_of(world) + b"\r\n") + more)
        send_until_cut_off(connection)


def test_a_body_in_very_small_chunks_is_a_body_all_the_same(world: World, server: Server) -> None:
    body = json.dumps({"vendor": "elsewhere", "vendor_call_id": "small", "log_url": "x" * 30_000}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    answer = parsed(exchange(server.port, chunked(world, key_of(world) + b"\r\n") + chunks + b"0\r\n\r\n"))
    assert answer.status in (200, 201), answer


def test_a_client_that_does_not_wait_for_answers_gets_some_and_no_more(server: Server) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n"
    few = exchange(server.port, request * 9 + request.replace(b"Host", b"Connection: close\r\nHost"))
    assert few.count(b'{"status":"ok"}') == 10
    many = exchange(server.port, request * 5000)
    assert 1 <= many.count(b'{"status":"ok"}') <= MAX_PIPELINED + 1


# -- clients that are slow or silent --------------------------------------

HALVES = [
    b"",
    b"\r\n\r\n",
    b"G",
    b"GET /healthz HTTP/1.1\r\nHo",
    b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n",
]


def test_silent_connections_and_half_sent_heads_are_cut_off(strict: Server) -> None:
    with ExitStack() as stack:
        opened = [(half, stack.enter_context(connected(strict))) for half in HALVES * 13]
        for half, connection in opened:
            connection.sendall(half)
        for half, connection in opened:
            answer = rest_of(connection)
            if half.strip():
                assert parsed(answer).status == 408
            else:
                assert answer == b""
    assert ask(strict.port, b"/healthz").status == 200


def test_a_head_that_comes_byte_by_byte_is_cut_off(strict: Server) -> None:
    with connected(strict) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while not select.select([connection], [], [], 0.05)[0]:
            assert time.monotonic() < deadline
            connection.sendall(b"a")
        assert parsed(rest_of(connection)).status == 408


def test_the_next_head_on_a_connection_has_as_long_as_the_first(strict: Server, server: Server) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n"
    with connected(strict) as connection:
        connection.sendall(request + request[:20])
        answers = rest_of(connection)
    assert [answers.count(status) for status in (b"HTTP/1.1 200", b"HTTP/1.1 408")] == [1, 1]
    with connected(strict) as connection:
        connection.sendall(request)
        assert rest_of(connection).count(b"HTTP/1.1") == 1, "it is closed when nothing more comes"
    with connected(server) as connection:
        connection.sendall(request[:20])
        assert ask(server.port, b"/healthz").status == 200
        connection.sendall(request[20:-2] + b"Connection: close\r\n\r\n")
        assert parsed(rest_of(connection)).status == 200


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(http, "STALL_SECONDS", 0.01)
    counters = EdgeCounters()
    table = ConnectionTable(ConnectionLimits(), counters)

    async def big(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a" * LARGE})

    async def stall() -> None:
        config = Config(big, log_level="error")
        gone, loop = asyncio.Event(), asyncio.get_running_loop()

        class Watched(Protocol):
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                gone.set()

        made = await loop.create_server(
            lambda: Watched(config, ServerState(), {CONNECTIONS: table}, loop), "127.0.0.1", 0
        )
        async with made, asyncio.timeout(MAX_WAIT_SECONDS):
            reader, writer = await asyncio.open_connection(*made.sockets[0].getsockname()[:2], limit=1024)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readline()
            await gone.wait()
            writer.transport.abort()
            await asyncio.wait({asyncio.create_task(writer.wait_closed())})

    asyncio.run(stall())
    assert counters == EdgeCounters(stalled_readers=1)


# -- too many connections -------------------------------------------------


def test_one_address_cannot_have_every_connection(embedded_url: str, tmp_path: Path) -> None:
    with serving(embedded_url, tmp_path, connections_per_address="5") as own, ExitStack() as stack:
        opened = [stack.enter_context(connected(own)) for _ in range(5)]
        answer = parsed(exchange(own.port, b""))
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        crowd = [stack.enter_context(connected(own)) for _ in range(100)]
        for connection in crowd:
            assert rest_of(connection)[:12] in (b"HTTP/1.1 429", b"")
            connection.close()
        opened.pop().close()
        wait_until(lambda: ask(own.port, b"/healthz").status == 200)
        wait_until(lambda: shed(own).get("connections_over_address", 0) > 100)


def test_a_trusted_proxy_is_only_bounded_by_the_total(embedded_url: str, tmp_path: Path) -> None:
    bounds = {"connections_per_address": "2", "connections": "5", "trusted_proxies": "127.0.0.0/8"}
    with serving(embedded_url, tmp_path, **bounds) as own, ExitStack() as stack:
        opened = [stack.enter_context(connected(own)) for _ in range(5)]
        for connection in opened:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert parsed(exchange(own.port, b"")).status == 503


@pytest.mark.parametrize(
    ("addresses", "taken"),
    [
        (["192.0.2.1"] * 3, 2),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3"], 3),
        (["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"], 2),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"], 3),
        (["::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"], 2),
        (["10.1.2.3"] * 3, 3),
        (["fe80::1%eth0"] * 3, 2),
    ],
)
def test_connections_count_by_address_or_by_the_network_that_one_subscriber_has(
    addresses: list[str], taken: int
) -> None:
    from ipaddress import ip_network

    class Quiet:
        due = 0.0

        def expire(self) -> None:
            raise AssertionError("nothing is due yet")

    async def admit() -> list[bool]:
        limits = ConnectionLimits(connections_per_address=2, trusted_proxies=(ip_network("10.0.0.0/8"),))
        table = ConnectionTable(limits, EdgeCounters())
        opened = [(Quiet(), address) for address in addresses]
        taken = [table.admit(connection, address) is None for connection, address in opened]
        for connection, _ in opened:
            table.remove(connection)
        assert table.admit(Quiet(), addresses[0]) is None, "their places are free again"
        return taken

    assert sum(asyncio.run(admit())) == taken


# -- bodies that are not read ---------------------------------------------


def head_alone(server: Server, method: str, path: str, headers: dict[str, str]) -> Answer:
    """The answer to a request of which only the head was sent; it announces a body and offers to wait."""
    lines = {"Host": "a.test", "Content-Length": str(LARGE), "Expect": "100-continue", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return parsed(exchange(server.port, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()))


def test_a_webhook_is_refused_before_its_body_is_sent(world: World, server: Server) -> None:
    signed, disabled = source_in(world), source_in(world)
    world.run(world.joined.sources.disable(world.name, disabled.id))
    for address, status in (("nobody-has-this", 404), (disabled.address, 410), (signed.address, 401)):
        answer = head_alone(server, "POST", f"/hooks/{address}", {})
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert answer.headers["content-type"] == "application/problem+json"


WRITES = [
    (dialect, operation)
    for dialect in dialects().values()
    for operation in dialect.operations
    if operation.parse_body is not None
]


@pytest.mark.parametrize(("dialect", "operation"), WRITES, ids=lambda one: one.name)
def test_a_key_is_looked_at_before_the_body_is_sent(dialect: Any, operation: Any, server: Server) -> None:
    path = target(dialect, operation).decode()
    for headers, fault in (
        ({}, Fault.NO_CREDENTIAL),
        (dialect.auth.headers_for(NewKey.generate()), Fault.UNKNOWN_CREDENTIAL),
    ):
        answer = head_alone(server, operation.method, path, headers)
        assert_refused(answer, dialect, fault)
        assert answer.headers["connection"] == "close"


def test_a_client_that_sends_its_body_all_the_same_reads_why_it_was_refused(server: Server) -> None:
    request = b"POST /hooks/nobody-has-this HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % LARGE
    assert parsed(exchange(server.port, request + b"a" * LARGE)).status == 404


def test_bodies_for_addresses_that_are_not_there_take_no_memory(embedded_url: str, tmp_path: Path) -> None:
    request = b"POST /hooks/nobody-has-this HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % LARGE
    body = b"a" * LARGE
    with serving(embedded_url, tmp_path) as own:
        before, statuses = own.peak_kib(), []

        def post() -> None:
            statuses.append(parsed(exchange(own.port, request + body)).status)

        threads = [threading.Thread(target=post) for _ in range(MANY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [404] * MANY
        assert own.peak_kib() - before < 40 * 1024


# -- headers that come twice ----------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_that_is_sent_twice_is_refused(name: str, world: World, server: Server) -> None:
    dialect = dialects()[name]
    own = [(key.encode(), value.encode()) for key, value in world.headers[name].items()]
    for repeated in own:
        for more in (repeated, (repeated[0].upper(), b"another")):
            answer = ask(server.port, target(dialect, dialect.operations[0]), [more, *own])
            assert_refused(answer, dialect, Fault.BAD_REQUEST, because=more)
    lists = [(b"Accept", b"application/json"), (b"Accept", b"*/*"), (b"X-Forwarded-For", b"192.0.2.1")] * 2
    unread = [(b"X-Whatever", b"1"), (b"X-Whatever", b"2")]
    answer = ask(server.port, target(dialect, dialect.operations[0]), [*own, *lists, *unread])
    assert answer.status == 200
    answer = ask(server.port, target(dialect, dialect.operations[0]), [*own, (b"Host", b"another.test")])
    assert_refused(answer, dialect, Fault.BAD_REQUEST)


def test_a_signature_that_is_sent_twice_is_refused(world: World, server: Server) -> None:
    source = source_in(world, "vapi")
    once = [(b"Authorization", b"Bearer s3cr3t-of-the-webhook"), (b"Content-Length", b"2")]
    for headers in ([once[0], *once], [(b"Authorization", b"Bearer x"), *once]):
        answer = ask(server.port, f"/hooks/{source.address}".encode(), headers, method=b"POST")
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
        assert b"authorization" in answer.body


# -- room for bodies ------------------------------------------------------


def call_body(size: int) -> bytes:
    call = {"vendor": "elsewhere", "vendor_call_id": "big", "log_url": ""}
    return json.dumps({**call, "log_url": "x" * (size - len(json.dumps(call)))}).encode()


def offered(server: Server, world: World, size: int) -> int:
    """The answer to a client that announces a body: 100 if it is to send it."""
    with connected(server) as connection:
        connection.sendall(waiting_head(world, size))
        return parsed(connection.recv(10_000)).status


def request_head(world: World, size: int) -> bytes:
    head = b"POST /trunkline/v1/calls HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + key_of(world)
    return head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size


def waiting_head(world: World, size: int) -> bytes:
    """The same for a client that waits for the 100."""
    return request_head(world, size)[:-2] + b"Expect: 100-continue\r\n\r\n"


def test_bodies_that_are_being_sent_have_so_much_room_and_each_org_its_share(
    embedded_url: str, tmp_path: Path, new_world: Callable[..., World]
) -> None:
    mine, theirs, third = new_world(), new_world(), new_world()
    mb = 1024 * 1024
    small, most, bounds = 100_000, mb - 50_000, {"max_body_bytes": str(mb), "org_bodies_mb": "1"}
    with serving(embedded_url, tmp_path, bodies_mb="2", **bounds) as own, ExitStack() as stack:
        half = stack.enter_context(connected(own))
        half.sendall(request_head(mine, mb) + b"a" * most)
        wait_until(lambda: offered(own, mine, small) == 503)
        assert offered(own, theirs, small) == 100
        other = stack.enter_context(connected(own))
        other.sendall(request_head(theirs, mb) + b"a" * most)
        wait_until(lambda: offered(own, theirs, small) == 503)
        answer = parsed(exchange(own.port, request_head(third, 2 * small)))
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        msgspec.json.decode(answer.body, type=dialects()["trunkline"].errors.shape)
        half.close()
        wait_until(lambda: offered(own, mine, small) == 100)
        body = call_body(small)
        assert parsed(exchange(own.port, request_head(mine, len(body)) + body)).status < 300
        assert offered(own, mine, mb) == 100, "a body gives its room back when it was taken"
        wait_until(lambda: {"bodies_over_org", "bodies_over_total"} <= set(shed(own)))


# -- stopping -------------------------------------------------------------


def test_a_server_that_stops_does_not_wait_for_what_is_half_sent(
    embedded_url: str, world: World, tmp_path: Path
) -> None:
    with serving(embedded_url, tmp_path) as own, ExitStack() as stack:
        hook = source_in(world, "zudu")
        idle, half_head, half_body, half_hook = (stack.enter_context(connected(own)) for _ in range(4))
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        half_head.sendall(b"GET /healthz HT")
        half_body.sendall(waiting_head(world, 1000))
        half_hook.sendall(
            b"POST /hooks/%s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
            % hook.address.encode()
        )
        for half in (half_body, half_hook):
            assert half.recv(1000).startswith(b"HTTP/1.1 100"), "its body is being waited for"
            half.sendall(b"{")
        own.process.terminate()
        own.process.wait(15)  # of the 20 seconds that an answer under way would have had
        assert "Traceback" not in own.log.read_text()


def test_a_body_that_arrives_while_the_server_stops_is_still_accepted(
    embedded_url: str, world: World, tmp_path: Path
) -> None:
    with serving(embedded_url, tmp_path) as own, connected(own) as connection, connected(own) as other:
        connection.sendall(waiting_head(world, 200))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        own.process.terminate()
        assert rest_of(other) == b"", "it is stopping"
        connection.sendall(call_body(200))
        assert parsed(rest_of(connection)).status < 300
