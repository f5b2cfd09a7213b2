"""The bulkhead: large requests are answered by a process of their own.

Whatever takes long in a process holds up everybody whom the same process answers, however fairly their turns
are shared. So long answers, and large bodies, are passed to another server process on this machine, and only
their bytes go through this one. Answers of middling size are passed on while another org sends requests too:
an org that is alone has its answers sooner from here.

The other process checks the key, and everything else, again. It is found at a socket in a folder that only
this user may enter.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpcore2
import structlog
from msgspec import Struct

from trunkline.api.answers import Answer, StreamedAnswer
from trunkline.service.limits import Shares, Usage
from trunkline.service.threads import INLINE_BYTES

log = structlog.get_logger(__name__)

SOCKET_VARIABLE = "TRUNKLINE_BULK_SOCKET"
"""Where a server process finds the socket; set by the process that started both."""

CLIENT_ADDRESS = "trunkline-client-address"
"""The header with the address of the client; believed at that socket only."""

OWN_METRICS = "/process"
"""Where the process behind the bulkhead has its own figures for `/metrics`; at that socket only."""

LARGE_BODY_BYTES = INLINE_BYTES
"""Bytes of a body that is passed on while another org sends requests too."""

HUGE_BODY_BYTES = 1024 * 1024
"""Bytes of a body that is passed on in any case."""

LARGE_ANSWER_BYTES = 128 * 1024
"""About how many bytes an answer has that is passed on while another org sends requests too."""

RECENT_SECONDS = 1.0
"""How long after a request its org counts as one that sends requests."""

WHOLE_BYTES = 1024 * 1024
"""Answers up to this size are sent in one piece."""

_TIMEOUTS = {"connect": 5.0, "pool": 30.0, "write": 60.0, "read": 660.0}
"""Seconds, for a process that hangs; to read, a bit more than the longest statement of an export may take."""

_ORGS_IN_TURN = 8
"""Orgs that have a request passed on at a time, while more than one sends requests."""

MAX_REST_SECONDS = 1.0
"""How long an org rests after a request that was passed on: at most, or after a long answer has begun."""

_MAX_WAITING = 1000
_MAX_WAIT_SECONDS = 60.0
_CONNECTIONS = 1000
"""More than the other process lets in at a time; who waits for a turn waits there, where orgs have shares."""

_OWN_HEADERS = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server", b"cache-control"}
)
"""Headers of an answer that belong to one connection, or that every answer gets when it is sent."""

_REPLACED_HEADERS = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        CLIENT_ADDRESS.encode(),
    }
)
"""Headers of a request that are not passed on as they came."""


_UNREACHABLE = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.LocalProtocolError)
_BROKEN = (httpcore2.NetworkError, httpcore2.RemoteProtocolError, httpcore2.TimeoutException)


class RecentOrgs:
    """The two orgs that sent the last requests, which is enough to know whether one is alone."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._last_at = -math.inf
        self._other_at = -math.inf

    def note(self, org_id: int, now: float) -> None:
        """An org sent a request."""
        if org_id != self._last:
            self._other_at, self._last = self._last_at, org_id
        self._last_at = now

    def has_other(self, org_id: int, now: float) -> bool:
        """Whether another org sent a request a moment ago."""
        at = self._other_at if org_id == self._last else self._last_at
        return now - at < RECENT_SECONDS


def _turns(name: str) -> Shares:
    return Shares(name, capacity=_ORGS_IN_TURN, share=1, waiting=_MAX_WAITING, wait_seconds=_MAX_WAIT_SECONDS)


class BulkheadUsage(Struct, frozen=True):
    """What was passed on since the process began, for monitoring."""

    forwarded: int
    unreachable: int
    """Requests among them that could not be passed on, and were answered here."""


class Bulkhead:
    """Passes large requests on to the process for them."""

    def __init__(
        self, pool: httpcore2.AsyncConnectionPool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._recent = RecentOrgs()
        self._turns = _turns("large requests")
        self._long_turns = _turns("beginnings of long answers")
        self._forwarded = 0
        self._unreachable = 0

    @property
    def usage(self) -> BulkheadUsage:
        """What was passed on since the process began."""
        return BulkheadUsage(self._forwarded, self._unreachable)

    @property
    def limits(self) -> list[Usage]:
        """The current usage of its limits."""
        return [self._turns.usage, self._long_turns.usage]

    def request(
        self,
        org_id: int,
        scope: Mapping[str, Any],
        address: str | None,
        error_answer: Callable[[Exception], Answer],
    ) -> ForwardableRequest:
        """A request of an org, which is noted, and may be passed on.

        `error_answer` makes an answer for a connection that breaks after the request was sent: whether it was
        carried out is not known then, so that it is not done here again.
        """
        self._recent.note(org_id, self._clock())
        return ForwardableRequest(self, org_id, scope, address, error_answer)

    def takes_body(self, org_id: int, size_bytes: int) -> bool:
        """Whether a request with a body of this size is to be passed on."""
        return size_bytes > HUGE_BODY_BYTES or (
            size_bytes > LARGE_BODY_BYTES and self._recent.has_other(org_id, self._clock())
        )

    def takes_answer(self, org_id: int, size_bytes: float) -> bool:
        """Whether a request is to be passed on whose answer has about this size; infinite if it has any."""
        return size_bytes > LARGE_ANSWER_BYTES and (
            size_bytes == math.inf or self._recent.has_other(org_id, self._clock())
        )

    async def forward_in_turn(
        self, request: ForwardableRequest, content: bytes, *, is_long: bool = False
    ) -> Answer | StreamedAnswer | None:
        """As `forward`, for one request of an org after the other while another org sends requests too.

        After each the org rests as long as that took, so that one org does not fill the machine. Of a long
        answer only the beginning counts. Raises `Refused` with `UNAVAILABLE` if too much of the org waits.
        """
        if not self._recent.has_other(request.org_id, self._clock()):
            return await self.forward(request, content)
        turns = self._long_turns if is_long else self._turns
        await turns.acquire(request.org_id)
        began = self._clock()
        try:
            return await self.forward(request, content)
        finally:
            took_seconds = min(self._clock() - began, MAX_REST_SECONDS)
            rest_seconds = MAX_REST_SECONDS if is_long else took_seconds
            asyncio.get_running_loop().call_later(rest_seconds, turns.release, request.org_id)

    async def metrics(self) -> bytes | None:
        """The figures of the other process, as JSON; `None` if it does not answer."""
        times = {"connect": 1.0, "read": 1.0, "write": 1.0, "pool": 1.0}
        url = httpcore2.URL(scheme=b"http", host=b"bulkhead", port=None, target=OWN_METRICS.encode())
        try:
            response = await self._pool.request("GET", url, extensions={"timeout": times})
        except (*_UNREACHABLE, *_BROKEN):
            return None
        return response.content if response.status == 200 else None

    async def forward(self, request: ForwardableRequest, content: bytes) -> Answer | StreamedAnswer | None:
        """Have a request answered by the other process; `None` if that cannot be reached."""
        self._forwarded += 1
        try:
            response = await self._pool.handle_async_request(_request_of(request, content))
        except _UNREACHABLE as error:
            self._unreachable += 1
            log.warning("large request answered here", reason=repr(error)[:200])
            return None
        except _BROKEN as error:
            return request.error_answer(BrokenBulkhead(repr(error)[:200]))
        return await _answer_of(response, request.error_answer)


class ForwardableRequest(Struct, frozen=True, gc=False):
    """A request that may be passed on."""

    bulkhead: Bulkhead
    org_id: int
    scope: Mapping[str, Any]
    """The request as ASGI has it."""
    address: str | None
    """The client's address."""
    error_answer: Callable[[Exception], Answer]

    async def answer_by_body(self, content: bytes) -> Answer | StreamedAnswer | None:
        """The answer of the other process, if the size of the body makes the request one for it."""
        if not self.bulkhead.takes_body(self.org_id, len(content)):
            return None
        return await self.bulkhead.forward_in_turn(self, content)

    async def answer_by_size(self, size_bytes: float) -> Answer | StreamedAnswer | None:
        """The answer of the other process, if what is asked for makes the request one for it."""
        if not self.bulkhead.takes_answer(self.org_id, size_bytes):
            return None
        return await self.bulkhead.forward_in_turn(self, b"", is_long=size_bytes == math.inf)


class BrokenBulkhead(Exception):
    """The process for large requests ended while it answered one."""


@asynccontextmanager
async def open_bulkhead(
    socket_path: str | None, idle_seconds: float = 60.0
) -> AsyncIterator[Bulkhead | None]:
    """The bulkhead at a socket; `None` where there is none, so that every request is answered here.

    `idle_seconds` is how long the other process keeps a connection that is not used.
    """
    if not socket_path:
        yield None
        return
    async with httpcore2.AsyncConnectionPool(
        uds=socket_path, max_connections=_CONNECTIONS, keepalive_expiry=idle_seconds / 2
    ) as pool:
        yield Bulkhead(pool)


def _request_of(request: ForwardableRequest, content: bytes) -> httpcore2.Request:
    scope = request.scope
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    headers = [pair for pair in scope["headers"] if pair[0] not in _REPLACED_HEADERS]
    if content:
        headers.append((b"content-length", str(len(content)).encode()))
    if request.address is not None:
        headers.append((CLIENT_ADDRESS.encode(), request.address.encode("latin-1")))
    return httpcore2.Request(
        # The length of an answer to HEAD is that of the body, which is left out when it is sent.
        "GET" if scope["method"] == "HEAD" else scope["method"],
        httpcore2.URL(scheme=b"http", host=b"bulkhead", port=None, target=target),
        headers=headers,
        content=content,
        extensions={"timeout": _TIMEOUTS},
    )


async def _answer_of(
    response: httpcore2.Response, error_answer: Callable[[Exception], Answer]
) -> Answer | StreamedAnswer:
    headers = [(name.lower(), value) for name, value in response.headers]
    described = [pair for pair in headers if pair[0] not in _OWN_HEADERS]
    length = dict(headers).get(b"content-length", b"")
    if response.status != 200 or (length.isdigit() and int(length) <= WHOLE_BYTES):
        try:
            body = await response.aread()
        except _BROKEN as error:
            return error_answer(BrokenBulkhead(repr(error)[:200]))
        finally:
            await response.aclose()
        return Answer(response.status, body, [pair for pair in described if pair[0] != b"content-length"])
    return StreamedAnswer(described, _chunks_of(response), error_answer)


async def _chunks_of(response: httpcore2.Response) -> AsyncGenerator[bytes, None]:
    """The bytes of an answer as they come, at least one chunk, if only an empty one."""
    is_empty = True
    try:
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                is_empty = False
                yield chunk
        if is_empty:
            yield b""
    except _BROKEN as error:
        raise BrokenBulkhead(repr(error)[:200]) from None
    finally:
        await response.aclose()
