"""Idempotent requests: under one key a request is run once, and its answer is repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct

from trunkline.model.faults import Fault, Refused
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.threads import INLINE_BYTES, WorkThreads
from trunkline.store.idempotency import IdempotencyStore

REMEMBERED = timedelta(hours=24)
MAX_RUN = timedelta(minutes=1)
"""A request without an answer counts as dead after this, and may be run again: writes are idempotent."""

MAX_KEY_LENGTH = 255

_read_headers = msgspec.json.Decoder(list[tuple[str, str]]).decode


class StoredResponse(Struct, frozen=True):
    """An answer as it was sent."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]
    replayed: bool = False
    call_ids: Sequence[str] = ()
    """The calls in it: when one of them is deleted, the answer is removed."""


class Idempotency:
    """Runs requests once."""

    def __init__(self, store: IdempotencyStore, clock: Clock, threads: WorkThreads | None = None) -> None:
        self._threads = threads or WorkThreads()
        self._store = store
        self._clock = clock

    async def once(
        self, org: Org, key: str, request: tuple[bytes, ...], do: Callable[[], Awaitable[StoredResponse]]
    ) -> StoredResponse:
        """Run a request, or repeat its stored answer; answers with status 500 and above are not stored.

        Raises `Refused` with `CONFLICT` while the same request runs, with `UNPROCESSABLE` for a key that
        was used for another request, and with `BAD_REQUEST` for an invalid key.
        """
        if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            wrong = f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable characters"
            raise Refused(Fault.BAD_REQUEST, wrong, "Idempotency-Key")
        is_small = sum(map(len, request)) <= INLINE_BYTES
        fingerprint = (
            _fingerprint(request) if is_small else await self._threads.run(org.id, _fingerprint, request)
        )
        now = self._clock()
        begun = await self._store.begin(
            org.id, key, fingerprint, now, oldest=now - REMEMBERED, died_before=now - MAX_RUN
        )
        if not begun:
            return await self._repeated(org, key, fingerprint)
        try:
            given = await do()
        except BaseException:
            await self._store.forget(org.id, key, now)
            raise
        if given.status < 500:
            headers = msgspec.json.encode(given.headers).decode()
            await self._store.store_response(
                org.id, key, now, given.status, headers, given.body, given.call_ids
            )
        else:
            await self._store.forget(org.id, key, now)
        return given

    async def _repeated(self, org: Org, key: str, fingerprint: bytes) -> StoredResponse:
        begun = await self._store.find(org.id, key)
        if begun is None:  # it was released in between
            raise Refused(Fault.CONFLICT)
        if begun.fingerprint != fingerprint:
            raise Refused(Fault.UNPROCESSABLE, "this Idempotency-Key was used for another request")
        if begun.status is None:
            raise Refused(Fault.CONFLICT)
        return StoredResponse(
            begun.status, begun.body or b"", _read_headers(begun.headers or "[]"), replayed=True
        )

    async def sweep(self) -> None:
        """Delete expired answers."""
        await self._store.sweep(self._clock() - REMEMBERED)


def _fingerprint(request: tuple[bytes, ...]) -> bytes:
    return hashlib.sha256(b"\n".join(hashlib.sha256(part).digest() for part in request)).digest()
