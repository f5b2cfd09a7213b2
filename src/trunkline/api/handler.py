"""One request of a dialect, from its headers to the bytes of its answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import asyncpg
import msgspec
import structlog

from trunkline.api.answers import Answer, Chunks, StreamedAnswer
from trunkline.api.body import Bodies, Body, Gone, Receive
from trunkline.api.bulkhead import BrokenBulkhead, Bulkhead, ForwardableRequest
from trunkline.api.front_door import Route
from trunkline.api.rows import Printer, encode_json, is_streamed
from trunkline.api.sizes import expected_bytes, json_bytes
from trunkline.api.spool import Spool
from trunkline.api.sse import EVENT_HEADERS, event_chunks, resumed
from trunkline.kit import toon
from trunkline.kit.auth import Headers
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.query import read_query
from trunkline.kit.request_body import RequestBody
from trunkline.model.changes import ChangeStream
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallStream, FollowCalls, ListCalls, StreamCalls
from trunkline.model.writes import CallDeleted, WriteOutcome
from trunkline.service.calls import Org
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.export import chunks_of
from trunkline.service.idempotency import Idempotency, StoredResponse
from trunkline.service.intake import ORG_IS_LOCKED, TooManyWriters
from trunkline.service.keys import Caller, Keys
from trunkline.service.run import Run
from trunkline.service.threads import INLINE_BYTES, WorkThreads

log = structlog.get_logger(__name__)

_JSON = (b"content-type", b"application/json")
_TOON = (b"content-type", b"text/toon; charset=utf-8")
_REPLAYED = (b"idempotent-replayed", b"true")
_OUR_KEYS = re.compile(r"[0-9a-f]{48,}")
"""The part of a path that may be a key, if a client puts it there; it must not get into the log."""

_MAX_HEADER_LENGTH = 1000
"""Most characters of names in `Trunkline-Ignored`; further names are only counted there."""

PRINTED_INLINE_BYTES = 2 * 1024 * 1024
"""About so many bytes of JSON are printed on the spot, which takes some twenty milliseconds at the most: a
page of usual calls, of which most rows are printed already, is sooner done than handed to a thread."""


class RequestHandler:
    """Answers requests of any dialect; it knows no vendor and no SQL."""

    def __init__(
        self,
        keys: Keys,
        run: Run,
        idempotency: Idempotency,
        printer: Printer,
        *,
        bodies: Bodies,
        threads: WorkThreads | None = None,
        patience_seconds: Callable[[], float] | None = None,
        bulkhead: Bulkhead | None = None,
        spool: Spool | None = None,
        reason: Callable[[BaseException], str] | None = None,
    ) -> None:
        """`patience_seconds` tells how long the client of a long answer may read nothing at present.

        Without a bulkhead large requests are answered here like all others; without a spool long answers are
        read no faster than their clients do. `reason` tells why the database is unavailable, from the error
        of it.
        """
        self._spool = spool
        self._bulkhead = bulkhead
        self._reason = reason or (lambda _: "")
        self._patience_seconds = patience_seconds
        self._threads = threads or WorkThreads()
        self._keys = keys
        self._run = run
        self._idempotency = idempotency
        self._printer = printer
        self._bodies = bodies

    async def answer(
        self,
        route: Route,
        query_string: bytes,
        headers: Headers,
        address: str | None,
        receive: Receive | None = None,
        *,
        may_stream: bool = True,
        scope: Mapping[str, Any] | None = None,
    ) -> Answer | StreamedAnswer:
        """Answer a request; errors are answered with the dialect's own error body.

        Operations with a body read it by `receive`. Without `may_stream` every page is assembled whole, for a
        client that could not recognise the end of a stream. `scope` is the request as ASGI has it, from which
        it can be passed on to the bulkhead.
        """
        try:
            return await self._answer(
                route, query_string, headers, address, receive, scope, may_stream=may_stream
            )
        except Exception as error:  # noqa: BLE001 whatever it is, the client is owed an answer
            operation = route.operation.name if route.operation else None
            return error_answer(route.dialect, error, self._reason, operation=operation, address=address)

    async def _answer(
        self,
        route: Route,
        query_string: bytes,
        headers: Headers,
        address: str | None,
        receive: Receive | None,
        scope: Mapping[str, Any] | None,
        *,
        may_stream: bool,
    ) -> Answer | StreamedAnswer:
        dialect, operation = route.dialect, route.operation
        if operation is None:
            refused = route.refused or Refused(Fault.NO_SUCH_ROUTE)
            if refused.fault is Fault.UNSUPPORTED:  # a vendor would check the key first too
                await self._keys.check(dialect.name, dialect.auth.read(headers), address, "write")
            raise refused
        credential = dialect.auth.read(headers)
        caller = await self._keys.check(dialect.name, credential, address, operation.scope)
        still_allowed = partial(self._keys.check, dialect.name, credential, address, operation.scope)
        whole = None
        if self._bulkhead is not None and scope is not None and may_stream:
            failed = partial(error_answer, dialect, reason=self._reason)
            whole = self._bulkhead.request(caller.org.id, scope, address, failed)
        query, ignored = read_query(query_string, operation.query, refuse_unknown=dialect.refuse_unknown)
        extra = [(b"trunkline-ignored", _names(ignored))] if ignored else []
        if operation.parse_body is None and not operation.idempotent:
            return await self._answered(
                route,
                operation,
                query,
                headers,
                caller.org,
                extra,
                still_allowed,
                whole,
                may_stream=may_stream,
            )
        with self._bodies.of(caller.org.id) as body:
            sent = (
                RequestBody(b"") if operation.parse_body is None else await self._body(headers, receive, body)
            )
            if whole is not None:
                elsewhere = await whole.answer_by_body(sent.content)
                if elsewhere is not None:
                    return elsewhere

            async def done() -> Answer | StreamedAnswer:
                parsed = query
                if operation.parse_body is not None:
                    is_small = len(sent.content) <= INLINE_BYTES
                    parsed = (
                        operation.parse_body(sent)
                        if is_small
                        else await self._threads.run(caller.org.id, operation.parse_body, sent)
                    )
                return await self._answered(
                    route, operation, parsed, headers, caller.org, extra, still_allowed, may_stream=may_stream
                )

            key = headers.get("idempotency-key")
            if not operation.idempotent or key is None:
                return await done()
            request = (operation.name.encode(), route.printed_id.encode(), query_string, sent.content)
            return await self._once(dialect, caller.org, key, request, done)

    async def _answered(
        self,
        route: Route,
        operation: Operation,
        request: msgspec.Struct,
        headers: Headers,
        org: Org,
        extra: list[tuple[bytes, bytes]],
        still_allowed: Callable[[], Awaitable[Caller]],
        whole: ForwardableRequest | None = None,
        *,
        may_stream: bool,
    ) -> Answer | StreamedAnswer:
        dialect = route.dialect
        intent = operation.to_intent(request, route.printed_id)
        wants_toon = operation.offers_toon and _wants_toon(headers, request)
        if isinstance(intent, FollowCalls):
            intent = resumed(intent, headers, may_stream=may_stream)
        elif isinstance(intent, ListCalls) and may_stream and not wants_toon:
            intent = StreamCalls(intent) if is_streamed(operation.rows, intent) else intent
        if whole is not None:
            elsewhere = await whole.answer_by_size(expected_bytes(intent))
            if elsewhere is not None:
                return elsewhere
        outcome = await self._run(org, intent, dialect.ids)
        if isinstance(outcome, CallStream | ChangeStream):
            headers_of, chunks, stop = self._chunks(operation, org, outcome, request, still_allowed)
            patience = None
            if isinstance(outcome, CallStream):
                patience = self._patience_seconds
                chunks = chunks if self._spool is None else self._spool.chunks(org.id, chunks)
            return StreamedAnswer(
                [*headers_of, *extra],
                chunks,
                partial(error_answer, dialect, reason=self._reason),
                stop,
                patience,
            )
        status = operation.statuses[0] if operation.status is None else operation.status(outcome)
        call_ids = outcome.call_ids if isinstance(outcome, WriteOutcome) else ()
        if isinstance(outcome, CallDeleted):
            self._printer.drop(outcome.call.id)
        if status == HTTPStatus.NO_CONTENT:
            return Answer(status, b"", extra, call_ids)
        printed = self._printer.json
        body = (
            printed(operation, org, outcome, request)
            if json_bytes(outcome) <= PRINTED_INLINE_BYTES
            else await self._threads.run(org.id, printed, operation, org, outcome, request, is_long=True)
        )
        if wants_toon:
            text = (
                toon.toon_of_json(body)
                if len(body) <= INLINE_BYTES
                else await self._threads.run(org.id, toon.toon_of_json, body)
            )
            return Answer(status, text, [_TOON, *extra])
        return Answer(status, body, [_JSON, *extra], call_ids)

    def _chunks(
        self,
        operation: Operation,
        org: Org,
        outcome: CallStream | ChangeStream,
        request: msgspec.Struct,
        still_allowed: Callable[[], Awaitable[Caller]],
    ) -> Chunks:
        """The answer to an outcome that comes in chunks."""
        rows, run = operation.rows, partial(self._threads.run, org.id)
        if isinstance(outcome, CallStream) and rows is not None:
            return Chunks([_JSON], self._printer.json_chunks(rows, org, outcome, request, run))
        if isinstance(outcome, CallStream):
            file = self._printer.file(operation, org, outcome, request)
            described = [
                (b"content-type", file.media_type.encode()),
                (b"content-disposition", f'attachment; filename="{file.name}"'.encode()),
            ]
            return Chunks(described, chunks_of(file, run))
        if rows is None:
            raise TypeError(f"{operation.name} does not define how a call is printed in a stream")
        stopped = asyncio.Event()
        write = self._printer.record_of(rows, org, request)
        chunks = event_chunks(outcome.batches, write, still_allowed, stopped, run)
        return Chunks(EVENT_HEADERS, chunks, stopped.set)

    async def _body(self, headers: Headers, receive: Receive | None, body: Body) -> RequestBody:
        """The request's body."""
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise Refused(Fault.UNSUPPORTED_BODY, "send it as it is, without the header Content-Encoding")
        if receive is None:
            return RequestBody(b"")
        content = await body.read(receive, headers.get("content-length"))
        return RequestBody(content, headers.get("content-type", "").partition(";")[0].strip().lower())

    async def _once(
        self,
        dialect: Dialect,
        org: Org,
        key: str,
        request: tuple[bytes, ...],
        run: Callable[[], Awaitable[Answer | StreamedAnswer]],
    ) -> Answer:
        async def do() -> StoredResponse:
            try:
                answer = await run()
            except Refused as refused:
                answer = error_answer(dialect, refused)
            if isinstance(answer, StreamedAnswer):
                raise TypeError("an answer that is stored is not streamed")
            return StoredResponse(
                answer.status,
                answer.body,
                [(n.decode(), v.decode()) for n, v in answer.headers],
                call_ids=answer.call_ids,
            )

        given = await self._idempotency.once(org, key, request, do)
        found = [(name.encode(), value.encode()) for name, value in given.headers]
        return Answer(given.status, given.body, [*found, _REPLAYED] if given.replayed else found)


def error_answer(
    dialect: Dialect,
    error: Exception,
    reason: Callable[[BaseException], str] = lambda _: "",
    **where: str | None,
) -> Answer:
    """Log an error, and return it as the dialect's own error body."""
    if isinstance(error, Refused):
        say = log.info if dialect.errors.status(error.fault) < 500 else log.error
        detail = _OUR_KEYS.sub("(a key)", error.detail)[:200]
        say("refused", dialect=dialect.name, **where, fault=error.fault.name, detail=detail)
        return refusal(dialect, error)
    if isinstance(error, Gone):
        return refusal(dialect, Refused(Fault.BAD_REQUEST, "the body is not whole"))
    if isinstance(error, BrokenBulkhead):
        log.error("large request broken off", dialect=dialect.name, **where, error=str(error))
        return refusal(dialect, Refused(Fault.UNAVAILABLE))
    if isinstance(error, TooManyWriters):
        log.warning("too many writers", dialect=dialect.name, **where)
        return refusal(dialect, Refused(Fault.UNAVAILABLE, str(error)))
    if isinstance(error, asyncpg.LockNotAvailableError):
        log.warning("org is locked", dialect=dialect.name, **where)
        return refusal(dialect, Refused(Fault.UNAVAILABLE, ORG_IS_LOCKED))
    if isinstance(error, DATABASE_DOWN):
        why = reason(error)
        log.error("database unavailable", dialect=dialect.name, **where, error=repr(error)[:200], reason=why)
        return refusal(dialect, Refused(Fault.UNAVAILABLE, why))
    log.error("failed", dialect=dialect.name, **where, exc_info=error)
    return refusal(dialect, Refused(Fault.INTERNAL))


def refusal(dialect: Dialect, refused: Refused) -> Answer:
    """A refusal in the dialect's own error body."""
    status, body = dialect.errors.answer(refused)
    headers = [(b"content-type", dialect.errors.media_type.encode())]
    if refused.fault is Fault.METHOD_NOT_ALLOWED:
        headers.append((b"allow", refused.detail.encode()))
    if refused.fault is Fault.UNAVAILABLE:
        headers.append((b"retry-after", b"1"))
    return Answer(status, encode_json(body), headers)


def _names(ignored: list[str]) -> bytes:
    names = [quote(name, safe="[]") for name in dict.fromkeys(ignored)]
    shown: list[str] = []
    while names and sum(map(len, shown)) + len(names[0]) < _MAX_HEADER_LENGTH:
        shown.append(names.pop(0))
    more = [f"and {len(names)} more"] if names else []
    return ", ".join([*shown, *more]).encode("ascii")


def _wants_toon(headers: Mapping[str, str], query: msgspec.Struct) -> bool:
    format_name: str | None = getattr(query, "format", None)
    if format_name is not None:
        return format_name == "toon"
    qualities = dict(map(_quality, headers.get("accept", "").lower().split(",")))
    others = [quality for kind, quality in qualities.items() if kind in ("application/json", "*/*")]
    wanted = qualities.get(toon.MEDIA_TYPE, 0.0)
    return wanted > 0 and wanted >= max(others, default=0.0)


def _quality(part: str) -> tuple[str, float]:
    """One media type of an `Accept` header, and how much it is wanted."""
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    values = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    try:
        return kind, float(values[0]) if values else 1.0
    except ValueError:
        return kind, 0.0


# The pool logs each attempt to reconnect with a stack trace; that the database is unavailable is logged
# above.
logging.getLogger("asyncpg").setLevel(logging.ERROR)
