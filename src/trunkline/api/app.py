"""The ASGI application: dialects first, everything else by Starlette."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import structlog
from starlette.applications import Starlette

from trunkline.api.answers import Answer, StreamedAnswer
from trunkline.api.bulkhead import CLIENT_ADDRESS
from trunkline.api.connections import ConnectionTable
from trunkline.api.front_door import FrontDoor, Route
from trunkline.api.handler import RequestHandler, error_answer
from trunkline.api.headers import RepeatedHeaders, last_headers
from trunkline.api.hooks import HOOKS
from trunkline.api.http import CONNECTIONS, REFUSAL, STOP
from trunkline.api.problems import MEDIA_TYPE, problem_body
from trunkline.api.response import Receive, Send, send_streamed, send_whole
from trunkline.model.faults import Refused
from trunkline.service.keys import is_within

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]


class Application:
    """Answers requests of dialects itself, since they are the hot path, and passes on the rest."""

    def __init__(
        self,
        front_door: FrontDoor,
        open_handler: Callable[[], AbstractAsyncContextManager[RequestHandler]],
        others: Starlette,
        connections: ConnectionTable,
        documentation: frozenset[bytes] = frozenset(),
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
        *,
        behind_bulkhead: bool = False,
    ) -> None:
        """`documentation` has the paths under dialects' prefixes that are ours and not the vendor's.

        An application `behind_bulkhead` believes the address of the client that the bulkhead passes on.
        """
        self._behind_bulkhead = behind_bulkhead
        self._front_door = front_door
        self._open_handler = open_handler
        self._others = others
        self._connections = connections
        self._documentation = documentation
        self._trusted_proxies = trusted_proxies
        self._handler: RequestHandler | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        if not raw_path.startswith(b"/"):  # `OPTIONS *` has no path
            raw_path, scope["path"] = b"/*", "/*"
        headers = last_headers(scope["headers"])
        route = None
        if raw_path not in self._documentation:
            route = self._front_door.route(scope["method"], raw_path, headers)
        refused: Refused | None = scope.get(REFUSAL)
        if len(headers) != len(scope["headers"]):
            headers = repeated = RepeatedHeaders(scope["headers"])
            if "host" in repeated.repeated:  # the dialect was determined already
                refused = refused or repeated.refusal("host")
        if refused is not None:
            await send_whole(_refusal(route, refused), send, without_body=scope["method"] == "HEAD")
            return
        if route is None or self._handler is None:
            await self._others(_tidied(scope), receive, send)
            return
        address = self._address(scope, headers)
        answer = await self._handler.answer(
            route,
            scope["query_string"],
            headers,
            address,
            receive,
            # A client of HTTP/1.0 cannot recognise the end of an answer without a length.
            may_stream=scope["http_version"] != "1.0",
            scope=scope,
        )
        without_body = scope["method"] == "HEAD"
        if isinstance(answer, StreamedAnswer):
            scope[STOP] = answer.stop
            await send_streamed(answer, receive, send, without_body=without_body)
        else:
            await send_whole(answer, send, without_body=without_body)

    def _address(self, scope: Scope, headers: dict[str, str]) -> str | None:
        if self._behind_bulkhead:
            return headers.get(CLIENT_ADDRESS)
        client = scope.get("client")
        if not client:
            return None
        address: str = client[0]
        if self._trusted_proxies and is_within(address, self._trusted_proxies):
            forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            return forwarded or address
        return address

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope["state"][CONNECTIONS] = self._connections
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


def _tidied(scope: Scope) -> Scope:
    """A delivery's request without slashes too many in its path; the raw path stays as it was sent.

    Other paths are not tidied: a call whose id is empty would be the list of calls.
    """
    segments = [segment for segment in scope["path"].split("/") if segment]
    if segments[:1] != [HOOKS]:
        return scope
    return {**scope, "path": "/" + "/".join(segments)}


def _refusal(route: Route | None, refused: Refused) -> Answer:
    """A refusal of a request that is not processed; in the form of its vendor, if it has one."""
    if route is not None:
        return error_answer(route.dialect, refused)
    status = refused.fault.status
    log.info("refused", fault=refused.fault.name, detail=refused.detail[:200])
    body = problem_body(status, "The request is refused", refused.detail)
    return Answer(status, body, [(b"content-type", MEDIA_TYPE.encode())])
