"""The ASGI application: dialects first, everything else by Starlette."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from starlette.applications import Starlette

from trunkline.api.front_door import FrontDoor
from trunkline.api.handler import RequestHandler, StreamedAnswer
from trunkline.api.http import STOP
from trunkline.api.response import Receive, Send, send_streamed, send_whole
from trunkline.service.keys import is_within

Scope = MutableMapping[str, Any]


class Application:
    """Takes requests of dialects itself, since they are the hot path, and hands on the rest."""

    def __init__(
        self,
        front_door: FrontDoor,
        open_handler: Callable[[], AbstractAsyncContextManager[RequestHandler]],
        others: Starlette,
        documentation: frozenset[bytes] = frozenset(),
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
    ) -> None:
        """`documentation` holds the paths under dialects' prefixes that are ours and not the vendor's."""
        self._front_door = front_door
        self._open_handler = open_handler
        self._others = others
        self._documentation = documentation
        self._trusted_proxies = trusted_proxies
        self._handler: RequestHandler | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        if not raw_path.startswith(b"/"):  # `OPTIONS *` asks about no path at all
            raw_path, scope["path"] = b"/*", "/*"
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        route = None
        if raw_path not in self._documentation:
            route = self._front_door.route(scope["method"], raw_path, headers)
        if route is None or self._handler is None:
            await self._others(scope, receive, send)
            return
        address = self._address(scope, headers)
        answer = await self._handler.answer(
            route,
            scope["query_string"],
            headers,
            address,
            receive,
            # A client of HTTP/1.0 cannot tell where an answer ends whose length it is not told.
            may_stream=scope["http_version"] != "1.0",
        )
        without_body = scope["method"] == "HEAD"
        if isinstance(answer, StreamedAnswer):
            scope[STOP] = answer.stop
            await send_streamed(answer, receive, send, without_body=without_body)
        else:
            await send_whole(answer, send, without_body=without_body)

    def _address(self, scope: Scope, headers: dict[str, str]) -> str | None:
        client = scope.get("client")
        if not client:
            return None
        address: str = client[0]
        if self._trusted_proxies and is_within(address, self._trusted_proxies):
            forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            return forwarded or address
        return address

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            opened = self._open_handler()
            self._handler = await opened.__aenter__()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await opened.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})
