"""The HTTP protocol, with limits on what a connection may cost before its request is complete.

The parser keeps a header until it is complete, so that one without an end would take all memory; it accepts
any number of headers, and it waits for ever. Here a head is bounded in size and in time, and so are the
extensions of a body's chunks and its trailers. A client that sends too much is still answered in its vendor's
form, since its path is known by then.

Two more things are corrected. An address of 64 KiB or more is cut, still too long to be answered, instead of
failing in the parser. And an answer without an end is stopped when the server stops, which would otherwise
wait for it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from trunkline.api.connections import ConnectionTable
from trunkline.api.problems import MEDIA_TYPE, problem_body
from trunkline.model.faults import Fault, Refused

MAX_ADDRESS_BYTES = 48 * 1024
"""Bytes of path and query string that are stored; more than any valid request may have."""

MAX_HEAD_BYTES = 64 * 1024
"""Bytes that a request's headers may have in all; the same again for its trailers and chunk extensions."""

MAX_FIELDS = 100
"""Headers that a request may have."""

MAX_PIPELINED = 32
"""Requests that may wait behind the one that is being answered."""

PIECE_BYTES = 64 * 1024
"""How much is given to the parser at a time, between two checks of the limits."""

LINGER_SECONDS = 2.0
"""How long the rest of a refused request is read and discarded: closing the connection on unread bytes could
discard the answer before the client has read it."""

STALL_SECONDS = 70.0
"""How long a client may read nothing of what it was sent. Answers that hold a connection end sooner."""

SHUTDOWN_GRACE_SECONDS = 2.0
"""How long the rest of a body may take once the server is stopping."""

STOP = "trunkline.stop"
"""The key of a request's scope for the function that stops its answer."""

REFUSAL = "trunkline.refusal"
"""The key of a request's scope for the `Refused` with which the application is to answer it."""

CONNECTIONS = "trunkline.connections"
"""The key of the application's state for the table of connections."""

INVALID = "Invalid HTTP request received"

_BETWEEN, _HEAD, _BODY = range(3)
"""The current part of a request. Plain numbers, since it is checked for each header of each request."""

_CHUNK_BYTES = 16
"""Bytes of a chunk besides its data: its size in hexadecimal digits, and two line ends."""


class _TooManyRequests(Exception):
    """More requests arrived at once than any client needs."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, bounded."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.due = math.inf
        self._table: ConnectionTable = app_state[CONNECTIONS]
        self._stage = _BETWEEN
        self._head_ended = False  # within the piece that is being parsed
        self._timed = False  # whether the current head has a timeout
        self._piece_bytes = 0
        self._overhead_bytes = 0  # of the head without its address, then of the body without its data
        self._unsent_bytes = 0  # when the client was last seen to read nothing
        self._keep_alive = False  # the request whose body is not complete yet
        self._deaf = False  # whether further bytes are discarded
        self._hung_up = False  # whether nothing more will be sent either
        self._stopping = False  # whether the server is

    # -- the connection ---------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or refuse it with the reason."""
        super().connection_made(transport)
        self.due = self.loop.time() + self._table.limits.head_seconds
        refusal = self._table.admit(self, self.client[0] if self.client else None)
        if refusal is not None:
            self._answer_problem(refusal.status, refusal.title)
            if self._table.may_linger:
                self._linger()
            else:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._table.remove(self)
        super().connection_lost(exc)

    def expire(self) -> None:
        """Handle a timeout."""
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if unsent and unsent != self._unsent_bytes and not self._hung_up:
            self._unsent_bytes = unsent  # it reads what it is sent, however slowly
            self.due = now + STALL_SECONDS
        elif unsent or self._hung_up or self.transport.is_closing():
            self._table.counters.stalled_readers += bool(unsent) and not self._hung_up
            self.transport.abort()
        elif self._stage == _BODY and self._stopping:
            self._table.counters.cut_at_shutdown += 1
            self.transport.abort()
        elif self._is_answering:
            self.due = math.inf
        elif self._stage == _HEAD:
            self._table.counters.slow_heads += 1
            self._refuse(408, "The head of the request was not sent in time")
        else:
            self._table.counters.silent_connections += self.cycle is None
            self.due = now + LINGER_SECONDS
            self.transport.close()

    def shutdown(self) -> None:
        """Let the current answer finish, and stop one that has no end."""
        if self._hung_up:
            self.transport.close()
            return
        super().shutdown()
        self._stopping = True
        scope: Mapping[str, object] = self.scope or {}  # there is none before the first request
        stop = scope.get(STOP)
        if callable(stop):
            stop()
            if self.flow.write_paused:  # the client reads nothing, so that no end would reach it either
                self.transport.abort()
        if self._stage == _BODY:
            self.due = self.loop.time() + SHUTDOWN_GRACE_SECONDS

    @property
    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # there is none before the first request
        return cycle is not None and not cycle.response_complete

    def pause_writing(self) -> None:
        """Wait for a client that reads more slowly than it is sent."""
        super().pause_writing()
        if not self._hung_up:
            self.due = self.loop.time() + STALL_SECONDS

    def resume_writing(self) -> None:
        """Continue, now that it has read most of it."""
        super().resume_writing()
        if not self._hung_up:
            self.due = math.inf if self._is_answering else self.loop.time() + self._waiting_seconds()

    # -- what comes -------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Give received bytes to the parser, in pieces small enough for the limits to hold."""
        if self._deaf:
            return
        if len(data) <= PIECE_BYTES:
            self._feed(data)
            return
        rest = memoryview(data)
        while rest and not self._deaf:
            self._feed(rest[:PIECE_BYTES])
            rest = rest[PIECE_BYTES:]

    def _feed(self, piece: bytes | memoryview) -> None:
        self._piece_bytes = len(piece)
        self._head_ended = False
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported; the request is answered as it is
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _TooManyRequests):
                self._table.counters.deep_pipelines += 1
            self._refuse(400, INVALID)
            return
        if self._stage != _BETWEEN:
            self._check_limits()

    def _check_limits(self) -> None:
        """After a piece that ended in the middle of a request."""
        if (
            not self._head_ended
        ):  # otherwise most of the piece belongs to something before, and is not counted
            self._overhead_bytes += self._piece_bytes
        if self._stage == _HEAD:
            if not self._timed:
                self._timed = True
                if not self._is_answering:
                    self.due = min(self.due, self.loop.time() + self._table.limits.head_seconds)
            if self._overhead_bytes > MAX_HEAD_BYTES:
                self._refuse_head()
        elif self._overhead_bytes > MAX_HEAD_BYTES:
            self._table.counters.large_heads += 1
            self._deaf = True
            self.transport.abort()  # its answer is waiting for the body, and learns that there will be none
        elif self._head_ended and self.cycle.transport is self.transport:
            self._await_body()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._stage = _HEAD
        self._timed = False
        self._overhead_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Add the next piece of the address; of one that is too long keep the beginning."""
        self._overhead_bytes -= len(url)
        self.url += url[: max(0, MAX_ADDRESS_BYTES - len(self.url))]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Trailers have the same form, but must not be accepted as headers."""
        if self._stage == _HEAD:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to answer the request, or to refuse it."""
        self._stage = _BODY
        self._head_ended = True
        self.due = math.inf
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyRequests
        too_large = self._overhead_bytes + self._piece_bytes > MAX_HEAD_BYTES and (
            sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES
        )
        self._overhead_bytes = 0
        if too_large or len(self.headers) > MAX_FIELDS:
            self._begin_refusal()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Add the next piece of the body."""
        self._overhead_bytes -= len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Allow for the bytes around every chunk."""
        self._overhead_bytes -= _CHUNK_BYTES

    def on_message_complete(self) -> None:
        """End the request; the connection may then be used for another."""
        self._stage = _BETWEEN
        if self.cycle.transport is not self.transport:
            self.cycle.transport = self.transport
            if not (self.cycle.response_started or self._stopping):
                self.cycle.keep_alive = self._keep_alive
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.due = self.loop.time() + STALL_SECONDS
            return
        if self._hung_up:
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self.due = self.loop.time() + self._waiting_seconds()

    def _waiting_seconds(self) -> float:
        """How long to wait for the next request after an answer."""
        if self.flow.write_paused:
            return STALL_SECONDS
        limits = self._table.limits
        return limits.head_seconds if self._stage == _HEAD else limits.idle_seconds

    # -- refusals ---------------------------------------------------------

    def _await_body(self) -> None:
        """Turn keep-alive off until the body is complete, for a request that may be answered without it.

        Otherwise the rest of the body could be read as the client's next request.
        """
        self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        self.cycle.transport = _GracefulTransport(self.transport, self._linger)  # type: ignore[assignment]

    def _refuse_head(self) -> None:
        """Refuse a request whose head does not end."""
        if self._is_answering:
            self._table.counters.large_heads += 1
            self._discard_further_input()
            return
        self._stage = _BODY
        try:
            self._begin_refusal()
        except (httptools.HttpParserError, ValueError):
            self._refuse(400, INVALID)
        else:
            self._await_body()

    def _begin_refusal(self) -> None:
        """Let the application answer, in the form of the request's vendor, that the head is too large."""
        self._table.counters.large_heads += 1
        detail = f"a request has at most {MAX_FIELDS} headers, of {MAX_HEAD_BYTES} bytes in all"
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # a scope may hold anything besides
        scope[REFUSAL] = Refused(Fault.HEADERS_TOO_LARGE, detail)
        super().on_headers_complete()
        self._discard_further_input()

    def _discard_further_input(self) -> None:
        """Finish the request, and then close the connection."""
        self._deaf = True
        self.cycle.keep_alive = False

    def _refuse(self, status: int, title: str) -> None:
        """Refuse a request that cannot be given to the application, and close the connection."""
        if self._is_answering:
            # An answer to one request must not be sent in the middle of another's.
            self._discard_further_input()
        else:
            self._answer_problem(status, title)
            self._linger()

    def _answer_problem(self, status: int, title: str) -> None:
        body = problem_body(status, title)
        headers = [
            *self.server_state.default_headers,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        if status in (429, 503):
            headers.append((b"retry-after", b"1"))
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)

    def _linger(self) -> None:
        """Close the sending side, and discard received bytes until the client closes the connection too."""
        self._deaf = self._hung_up = True
        self.due = self.loop.time() + LINGER_SECONDS
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


class _GracefulTransport:
    """The transport for the answer to a request with an incomplete body: it closes in two steps."""

    def __init__(self, transport: asyncio.Transport, linger: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = linger
