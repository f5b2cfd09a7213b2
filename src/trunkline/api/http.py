"""The HTTP protocol, with one thing mended: a request address of any length reaches the application.

The parser library refuses addresses of 64 KiB and more before anybody can answer them. A client that sends
one is owed the vendor's own error body like every other, so it is cut, and still too long to be answered.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_ADDRESS = 48 * 1024
"""Bytes of path and query string that are kept; more than any request that is answered may have."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, keeping the beginning of an address that is too long."""

    def on_url(self, url: bytes) -> None:
        """Take the next piece of the address."""
        self.url += url[: max(0, LONGEST_ADDRESS - len(self.url))]
