"""The HTTP protocol, with what the application cannot mend: what a connection may cost before it has asked.

The parser keeps a header until it has all of it, so that one without an end would take all memory; it takes
any number of them, and it waits for ever. Here a head is bounded in size and in time, and so is what stands
between a body's chunks and after them. A client that sends too much is answered in its vendor's own words all
the same, since its path is known by then.

Two more things are mended. An address of 64 KiB or more is cut, still too long to be answered, instead of
failing in the parser. And an answer without an end is told when the server stops, which would wait for it
otherwise.
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
"""Bytes of path and query string that are kept; more than any request that is answered may have."""

MAX_HEAD_BYTES = 64 * 1024
"""Bytes that a request's headers may have in all; the same again for its trailers and chunk extensions."""

MAX_FIELDS = 100
"""Headers that a request may have."""

MAX_PIPELINED = 32
"""Requests that may wait behind the one that is being answered."""

PIECE_BYTES = 64 * 1024
"""How much is given to the parser at a time, between two looks at the bounds."""

LINGER_SECONDS = 2.0
"""That the rest of a refused request is read, and thrown away: hanging up on what was not read would take the
answer back from a client that has not come to it yet."""

STALL_SECONDS = 70.0
"""That a client may take nothing of what it was sent. Answers that hold something give it up sooner."""

SHUTDOWN_GRACE_SECONDS = 2.0
"""That the rest of a body may take once the server is stopping."""

STOP = "trunkline.stop"
"""Where a request's scope may hold what stops its answer."""

REFUSAL = "trunkline.refusal"
"""Where a request's scope may hold the `Refused` that the application is to answer it with."""

CONNECTIONS = "trunkline.connections"
"""Where the application's state holds the table of connections."""

INVALID = "Invalid HTTP request received"

_BETWEEN, _HEAD, _BODY = range(3)
"""Where in a request what comes stands. Plain numbers, since it is asked for each header of each request."""

_CHUNK_BYTES = 16
"""What a chunk takes besides its data: its size in hexadecimal digits, and the ends of two lines."""


class _TooManyRequests(Exception):
    """More requests came at once than anybody has a use for."""


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
        self._head_ended = False  # within the piece that the parser has now
        self._timed = False  # whether the head that is coming has its time
        self._piece_bytes = 0
        self._overhead_bytes = 0  # of the head without its address, then of the body without its data
        self._unsent_bytes = 0  # when the client was last seen to take nothing
        self._keep_alive = False  # what the client asked for, while its request is not there yet
        self._deaf = False  # whether what comes is thrown away
        self._hung_up = False  # whether nothing more will be sent either
        self._stopping = False  # whether the server is

    # -- the connection ---------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say why not."""
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
        """Forget the connection."""
        self._table.remove(self)
        super().connection_lost(exc)

    def expire(self) -> None:
        """See to what has taken too long."""
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if unsent and unsent != self._unsent_bytes and not self._hung_up:
            self._unsent_bytes = unsent  # it takes what it is sent, however slowly
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
        """Let the answer under way come to its end, and stop one that has none."""
        if self._hung_up:
            self.transport.close()
            return
        super().shutdown()
        self._stopping = True
        scope: Mapping[str, object] = self.scope or {}  # there is none before the first request
        stop = scope.get(STOP)
        if callable(stop):
            stop()
            if self.flow.write_paused:  # the client takes nothing, so that no end would reach it either
                self.transport.abort()
        if self._stage == _BODY:
            self.due = self.loop.time() + SHUTDOWN_GRACE_SECONDS

    @property
    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # there is none before the first request
        return cycle is not None and not cycle.response_complete

    def pause_writing(self) -> None:
        """Begin to wait for a client that has more to read than it takes."""
        super().pause_writing()
        if not self._hung_up:
            self.due = self.loop.time() + STALL_SECONDS

    def resume_writing(self) -> None:
        """Go on, now that it has taken most of it."""
        super().resume_writing()
        if not self._hung_up:
            self.due = math.inf if self._is_answering else self.loop.time() + self._waiting_seconds()

    # -- what comes -------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Give the parser what came, in pieces small enough that its bounds hold."""
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
            pass  # nothing else is spoken here, and the request is answered as it is
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _TooManyRequests):
                self._table.counters.deep_pipelines += 1
            self._refuse(400, INVALID)
            return
        if self._stage != _BETWEEN:
            self._look_at_bounds()

    def _look_at_bounds(self) -> None:
        """After a piece that ended in the middle of a request."""
        if not self._head_ended:  # else most of the piece was of something before, and is not counted
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
            self.transport.abort()  # its answer is waiting for the body, and is told that there will be none
        elif self._head_ended and self.cycle.transport is self.transport:
            self._await_body()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._stage = _HEAD
        self._timed = False
        self._overhead_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take the next piece of the address, and keep the beginning of one that is too long."""
        self._overhead_bytes -= len(url)
        self.url += url[: max(0, MAX_ADDRESS_BYTES - len(self.url))]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. What follows a body in the same form is none, and would pass for one here."""
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
        """Take the next piece of the body."""
        self._overhead_bytes -= len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Allow for what every chunk has about it."""
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
        """Begin with the next request, or wait for one."""
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
        """How long to wait for a client that was answered."""
        if self.flow.write_paused:
            return STALL_SECONDS
        limits = self._table.limits
        return limits.head_seconds if self._stage == _HEAD else limits.idle_seconds

    # -- refusals ---------------------------------------------------------

    def _await_body(self) -> None:
        """Keep nothing alive, until the body is there, that might be answered without it.

        Whoever is answered in the middle of a body would else be taken to go on with its next request.
        """
        self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        self.cycle.transport = _HalfSent(self.transport, self._linger)  # type: ignore[assignment]

    def _refuse_head(self) -> None:
        """Refuse a request whose head does not end."""
        if self._is_answering:
            self._table.counters.large_heads += 1
            self._hear_no_more()
            return
        self._stage = _BODY
        try:
            self._begin_refusal()
        except (httptools.HttpParserError, ValueError):
            self._refuse(400, INVALID)
        else:
            self._await_body()

    def _begin_refusal(self) -> None:
        """Let the application say, in the words of whoever was asked, that the head is too large."""
        self._table.counters.large_heads += 1
        detail = f"a request has at most {MAX_FIELDS} headers, of {MAX_HEAD_BYTES} bytes in all"
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # a scope may hold anything besides
        scope[REFUSAL] = Refused(Fault.HEADERS_TOO_LARGE, detail)
        super().on_headers_complete()
        self._hear_no_more()

    def _hear_no_more(self) -> None:
        """Come to the end of what was asked, and hang up then."""
        self._deaf = True
        self.cycle.keep_alive = False

    def _refuse(self, status: int, title: str) -> None:
        """Refuse what nobody can be asked about, and hang up."""
        if self._is_answering:
            self._hear_no_more()  # an answer to one request must not stand in the middle of another's
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
        """Say that nothing more will be sent, and throw away what comes until the client hangs up too."""
        self._deaf = self._hung_up = True
        self.due = self.loop.time() + LINGER_SECONDS
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


class _HalfSent:
    """The transport as the answer to a request sees it whose body is not there yet: it hangs up gently."""

    def __init__(self, transport: asyncio.Transport, linger: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = linger
