"""Request bodies: bounded in size and time, each and all together, and never read further than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from trunkline.api.counters import EdgeCounters
from trunkline.model.faults import Fault, Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Gone(Exception):
    """The client closed the connection before it had sent its body."""


class Bodies:
    """The bodies that a process holds at the same time.

    A body is read once its org is known, and counts for its org until its request is done. Only received
        bytes count, not the length in a header, so that an announced but unsent body takes no room.
    """

    def __init__(
        self,
        counters: EdgeCounters,
        *,
        largest_bytes: int,
        seconds: float,
        most_bytes: int,
        most_org_bytes: int,
    ) -> None:
        """`largest_bytes` and `seconds` bound one body, `most_org_bytes` those of an org, `max_bytes` all.

        One body of the largest size fits in any case.
        """
        self._counters = counters
        self._largest_bytes = largest_bytes
        self._seconds = seconds
        self._most_bytes = max(most_bytes, largest_bytes)
        self._most_org_bytes = max(most_org_bytes, largest_bytes)
        self._bytes = 0
        self._by_org: dict[int, int] = {}

    def of(self, org_id: int) -> Body:
        """A body of an org, to be read within a `with` that lasts until the request is done."""
        return Body(self, org_id)

    async def read(self, receive: Receive, content_length: str | None, body: Body) -> bytes:
        """See `Body.read`."""
        if content_length is not None and content_length.isdigit():
            announced = int(content_length)
            if announced > self._largest_bytes:
                raise _too_large(self._largest_bytes)
            self._check_room(body.org_id, announced)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._read(receive, body)
        except TimeoutError:
            raise Refused(Fault.TOO_SLOW, f"a body must be sent within {self._seconds:.0f} seconds") from None

    async def _read(self, receive: Receive, body: Body) -> bytes:
        parts: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part: bytes = message.get("body", b"")
            if body.size + len(part) > self._largest_bytes:
                raise _too_large(self._largest_bytes)
            self._check_room(body.org_id, len(part))
            body.size += len(part)
            self._add(body.org_id, len(part))
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _check_room(self, org_id: int, size: int) -> None:
        if self._bytes + size > self._most_bytes:
            self._counters.bodies_over_total += 1
            raise Refused(
                Fault.UNAVAILABLE, "too many bytes of bodies are being sent at the same time; try again"
            )
        if self._by_org.get(org_id, 0) + size > self._most_org_bytes:
            self._counters.bodies_over_org += 1
            raise Refused(
                Fault.UNAVAILABLE, "your org is sending too many bytes of bodies at the same time; try again"
            )

    def _add(self, org_id: int, size: int) -> None:
        self._bytes += size
        self._by_org[org_id] = self._by_org.get(org_id, 0) + size

    def release(self, body: Body) -> None:
        """Release the room of a body."""
        if body.size:
            self._bytes -= body.size
            held = self._by_org[body.org_id] - body.size
            if held:
                self._by_org[body.org_id] = held
            else:
                del self._by_org[body.org_id]
            body.size = 0


class Body:
    """The room of one request's body."""

    __slots__ = ("_bodies", "org_id", "size")

    def __init__(self, bodies: Bodies, org_id: int) -> None:
        self._bodies = bodies
        self.org_id = org_id
        self.size = 0
        """Bytes received so far."""

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self._bodies.release(self)

    async def read(self, receive: Receive, content_length: str | None) -> bytes:
        """Read the body; raises `Gone`, and `Refused` with `TOO_LARGE`, `TOO_SLOW` or `UNAVAILABLE`.

        `UNAVAILABLE` is temporary: there is room again when other requests are done.
        """
        return await self._bodies.read(receive, content_length, self)


def _too_large(largest_bytes: int) -> Refused:
    return Refused(Fault.TOO_LARGE, f"a body has at most {largest_bytes} bytes")
