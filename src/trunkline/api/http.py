"""The HTTP protocol, with three things mended that the application cannot mend.

The parser library refuses addresses of 64 KiB and more. A client that sends one is owed the vendor's own
error body like every other, so the address is cut, still too long to be answered. And what the parser cannot
read at all is refused with a body that is JSON, since a client of an API expects nothing else. And an
answer without an end is told when the server stops, which would wait for it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_ADDRESS_BYTES = 48 * 1024
"""Bytes of path and query string that are kept; more than any request that is answered may have."""

STOP = "trunkline.stop"
"""Where a request's scope may hold what stops its answer."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, keeping the beginning of an address that is too long."""

    def on_url(self, url: bytes) -> None:
        """Take the next piece of the address."""
        self.url += url[: max(0, MAX_ADDRESS_BYTES - len(self.url))]

    def shutdown(self) -> None:
        """Let the answer under way come to its end, and stop one that has none."""
        super().shutdown()
        scope: Mapping[str, object] | None = self.scope  # there is none before the first request
        stop = scope and scope.get(STOP)
        if callable(stop):
            stop()
            if self.flow.write_paused:  # the client takes nothing, so that no end would reach it either
                self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read, and hang up."""
        body = msgspec.json.encode({"title": msg.rstrip("."), "status": 400})
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + body)
        self.transport.close()
