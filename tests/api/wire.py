"""HTTP as bytes on a socket, for requests that no client library would send."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.conftest import MAX_WAIT_SECONDS


class Answer(NamedTuple):
    """What came back until the server hung up."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(port: int, request: bytes) -> bytes:
    """Send bytes and read until the server hangs up."""
    received = []
    with socket.create_connection(("127.0.0.1", port), timeout=MAX_WAIT_SECONDS) as connection:
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                received.append(piece)
        except ConnectionError:
            pass  # the server may hang up on what it does not want to read to the end
    return b"".join(received)


def ask(
    port: int,
    target: bytes,
    headers: Mapping[str, str] | Iterable[tuple[bytes, bytes]] = (),
    *,
    method: bytes = b"GET",
) -> Answer:
    """Make one request whose address and headers go out as they are."""
    if isinstance(headers, Mapping):
        headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    lines = [b"Host: calls.test", b"Connection: close", *(name + b": " + value for name, value in headers)]
    request = method + b" " + target + b" HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return parsed(exchange(port, request))


def parsed(answer: bytes) -> Answer:
    """Take an answer apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return Answer(int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}, body)
