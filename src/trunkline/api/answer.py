"""One request of a dialect, from its headers to the bytes of its answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import asyncpg
import msgspec
import structlog

from trunkline.api.front_door import Route
from trunkline.kit import toon
from trunkline.kit.auth import Headers
from trunkline.kit.dialect import Dialect
from trunkline.kit.query import read_query
from trunkline.model.faults import Fault, Refused
from trunkline.service.calls import Calls
from trunkline.service.keys import Keys

log = structlog.get_logger(__name__)

_encode = msgspec.json.Encoder(decimal_format="number").encode

DATABASE_DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises when the database cannot be asked just now."""

_OUR_KEYS = re.compile(r"[0-9a-f]{48,}")
"""What a client that puts its key in the path would have us write to the log."""

MISSING_DATABASE_DETAIL = "the database does not answer; try again"


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


class Answerer:
    """Answers requests of any dialect; it knows no vendor and no SQL."""

    def __init__(self, keys: Keys, calls: Calls) -> None:
        self._keys = keys
        self._calls = calls

    async def answer(
        self, route: Route, query_string: bytes, headers: Headers, address: str | None
    ) -> Answer:
        """Answer a request; whatever goes wrong is said in the dialect's own error body."""
        dialect = route.dialect
        try:
            return await self._answer(route, query_string, headers, address)
        except Refused as refused:
            say = log.info if dialect.errors.status(refused.fault) < 500 else log.error
            detail = _OUR_KEYS.sub("(a key)", refused.detail)[:200]
            say("refused", dialect=dialect.name, fault=refused.fault.name, detail=detail)
            return refusal(dialect, refused)
        except DATABASE_DOWN as error:
            log.error("database unavailable", dialect=dialect.name, error=repr(error)[:200])
            return refusal(dialect, Refused(Fault.UNAVAILABLE, MISSING_DATABASE_DETAIL))
        except Exception:
            log.exception("failed", dialect=dialect.name)
            return refusal(dialect, Refused(Fault.INTERNAL))

    async def _answer(
        self, route: Route, query_string: bytes, headers: Headers, address: str | None
    ) -> Answer:
        dialect, operation = route.dialect, route.operation
        if operation is None:
            raise route.refused or Refused(Fault.NO_SUCH_ROUTE)
        credential = dialect.auth.read(headers)
        caller = await self._keys.check(dialect.name, credential, address, "read")
        query, ignored = read_query(query_string, operation.query, refuse_unknown=dialect.refuse_unknown)
        intent = operation.read(query, route.printed_id)
        outcome = await self._calls.answer(caller.org, intent, dialect.ids)
        written = operation.write(outcome, query)
        extra = [(b"trunkline-ignored", _names(ignored))] if ignored else []
        if operation.offers_toon and _wants_toon(headers, query):
            return Answer(
                200, toon.toon(written).encode(), [(b"content-type", b"text/toon; charset=utf-8"), *extra]
            )
        return Answer(200, _encode(written), [(b"content-type", b"application/json"), *extra])


def refusal(dialect: Dialect, refused: Refused) -> Answer:
    """A refusal in the dialect's own error body."""
    status, body = dialect.errors.answer(refused)
    headers = [(b"content-type", dialect.errors.media_type.encode())]
    if refused.fault is Fault.METHOD_NOT_ALLOWED:
        headers.append((b"allow", refused.detail.encode()))
    if refused.fault is Fault.UNAVAILABLE:
        headers.append((b"retry-after", b"1"))
    return Answer(status, _encode(body), headers)


def _names(ignored: list[str]) -> bytes:
    shown = ", ".join(quote(name, safe="[]") for name in dict.fromkeys(ignored))
    return shown[:1000].encode("ascii")


def _wants_toon(headers: Mapping[str, str], query: msgspec.Struct) -> bool:
    if getattr(query, "format", None) is not None:
        return getattr(query, "format", None) == "toon"
    return toon.MEDIA_TYPE in headers.get("accept", "")


# The pool tells with a stack trace that it tries to reach the database again; that it is away is said above.
logging.getLogger("asyncpg").setLevel(logging.ERROR)
