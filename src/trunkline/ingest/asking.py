"""Asking a vendor: one request of its list API, sent within its limits and again until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import msgspec

from trunkline.kit.listing_api import ListApi, Request
from trunkline.service.sources import Source

LONGEST_ANSWER_BYTES = 128 * 1024 * 1024
_TRIES = 8
_LONGEST_WAIT_SECONDS = 300.0
_TIMEOUT = httpx2.Timeout(60.0, connect=15.0)

Wait = Callable[[float], Awaitable[None]]


class PullFailed(RuntimeError):
    """A vendor does not answer as it must; the pull goes on from where it was when it is started again."""


class Asking:
    """A client of one source's list API."""

    def __init__(self, source: Source, api: ListApi, wait: Wait = asyncio.sleep) -> None:
        """Raises `PullFailed` if the source has no credential."""
        if source.credential is None:
            raise PullFailed(f"source {source.id} has no credential to ask with")
        self._api = api
        self._base_url = (source.base_url or api.base_url).rstrip("/")
        self._headers = api.headers(source.credential)
        self._wait = wait
        self._next_at = 0.0
        self._client = httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)

    async def __aenter__(self) -> Asking:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def answer(self, request: Request) -> Any:
        """The decoded answer to a request; raises `PullFailed`."""
        reason = ""
        for attempt in range(_TRIES):
            await self._keep_pace()
            try:
                status, headers, body = await self._send(request)
            except httpx2.TransportError as error:
                reason, seconds = f"{type(error).__name__}: {error}", 2.0**attempt
            else:
                if status == httpx2.codes.OK:
                    return _decoded(body)
                reason = f"status {status}: {body[:200].decode('utf-8', 'replace')}"
                if status != httpx2.codes.TOO_MANY_REQUESTS and status < httpx2.codes.INTERNAL_SERVER_ERROR:
                    raise PullFailed(f"the vendor refuses {request.path}: {reason}")
                seconds = _told_wait(headers.get("retry-after")) or 2.0**attempt
            if attempt + 1 < _TRIES:
                await self._wait(min(seconds, _LONGEST_WAIT_SECONDS))
        raise PullFailed(f"the vendor does not answer {request.path}: {reason}")

    async def _send(self, request: Request) -> tuple[int, httpx2.Headers, bytes]:
        parts: list[bytes] = []
        size = 0
        async with self._client.stream(
            request.method,
            f"{self._base_url}{request.path}",
            params=list(request.query),
            headers=self._headers,
            json=request.body,
        ) as answer:
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > LONGEST_ANSWER_BYTES:
                    raise PullFailed(f"an answer has more than {LONGEST_ANSWER_BYTES} bytes")
                parts.append(part)
            return answer.status_code, answer.headers, b"".join(parts)

    async def _keep_pace(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            await self._wait(self._next_at - now)
        self._next_at = max(now, self._next_at) + 60.0 / self._api.requests_per_minute


def _told_wait(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PullFailed("an answer of the vendor is not JSON") from None
