"""Requests to a vendor: one after another, within its rate limit, with a limited number of tries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from trunkline.kit.json_reader import read_json
from trunkline.kit.list_api import Request, can_be_sent
from trunkline.kit.payload import Unreadable
from trunkline.model.field_problems import FieldProblems
from trunkline.service.clock import Clock, system_clock

TRIES = 6
FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 600.0
"""If a vendor wants a longer wait, the pull stops."""

MAX_ANSWER_SECONDS = 120.0
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
MAX_ANSWER_BYTES = 64 * 1024 * 1024

_TRY_AGAIN = frozenset({408, 425, 429})

Sleep = Callable[[float], Awaitable[None]]


class PullStopped(RuntimeError):
    """A pull cannot continue now; a later one continues where it stopped."""


class PullBusy(PullStopped):
    """Another process pulls from the same source."""


class AnswerUnreadable(PullStopped):
    """What the vendor answered to a request is no JSON, or too much of it."""


class VendorUnavailable(PullStopped):
    """The vendor did not answer in any of the tries."""


class VendorRefused(PullStopped):
    """The vendor refused a request."""

    def __init__(self, status: int, request: Request) -> None:
        hint = ": check the source's credential" if status in (401, 403) else ""
        super().__init__(f"the vendor answers {status} to {request.method} {request.path}{hint}")
        self.status = status


class VendorClient:
    """Sends requests to one vendor; use it as a context."""

    def __init__(
        self,
        base_url: str,
        headers: dict[str, str],
        requests_per_minute: int,
        *,
        clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        if not can_be_sent(headers):
            raise PullStopped("the credential has characters that a header cannot have")
        self._client = httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, follow_redirects=False)
        self._interval_seconds = 60.0 / requests_per_minute
        self._next_at = 0.0
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    async def __aenter__(self) -> VendorClient:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def fetch(self, request: Request, problems: FieldProblems | None = None) -> Any:
        """Send a request and return the JSON of the answer; raises `PullStopped`.

        What had to be put right in it is added to `problems`.
        """
        problem = ""
        for attempt in range(TRIES):
            await self._wait_for_our_turn()
            wait = FIRST_WAIT_SECONDS * 2**attempt
            try:
                async with asyncio.timeout(MAX_ANSWER_SECONDS):
                    status, headers, body = await self._send(request)
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise PullStopped(f"{self._base_url} is not the address of an API: {error}") from None
            except (httpx2.RequestError, TimeoutError) as error:
                problem = type(error).__name__
            else:
                if 200 <= status < 300:
                    return _decoded(body, request, problems)
                if status < 500 and status not in _TRY_AGAIN:
                    raise VendorRefused(status, request)
                problem = str(status)
                wait = max(wait, self._retry_after(headers))
            if wait > MAX_WAIT_SECONDS:
                raise VendorUnavailable(f"the vendor requires a wait of {wait:.0f} seconds")
            if attempt < TRIES - 1:
                await self._sleep(wait)
        raise VendorUnavailable(
            f"the vendor did not answer {request.path} in {TRIES} tries; at last: {problem}"
        )

    async def _wait_for_our_turn(self) -> None:
        now = self._monotonic()
        if self._next_at > now:
            await self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._interval_seconds

    async def _send(self, request: Request) -> tuple[int, httpx2.Headers, bytes]:
        sending = self._client.stream(
            request.method,
            f"{self._base_url}{request.path}",
            params=list(request.query) or None,
            json=request.body,
        )
        async with sending as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise AnswerUnreadable(
                        f"the answer to {request.path} has more than {MAX_ANSWER_BYTES} bytes"
                    )
            return answer.status_code, answer.headers, bytes(body)

    def _retry_after(self, headers: httpx2.Headers) -> float:
        value = headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        with suppress(ValueError, TypeError, OverflowError, IndexError):
            at = parsedate_to_datetime(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
            return (at - self._clock()).total_seconds()
        return 0.0


def _decoded(body: bytes, request: Request, problems: FieldProblems | None) -> Any:
    try:
        return read_json(body, {} if problems is None else problems)
    except Unreadable:
        raise AnswerUnreadable(f"the answer to {request.method} {request.path} is not JSON") from None
