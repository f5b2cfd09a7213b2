"""The web application, joined from its parts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from msgspec import structs
from msgspec.json import decode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from trunkline.api.app import Application
from trunkline.api.body import Bodies
from trunkline.api.bulkhead import SOCKET_VARIABLE, Bulkhead, open_bulkhead
from trunkline.api.connections import ConnectionLimits, ConnectionTable
from trunkline.api.counters import EdgeCounters
from trunkline.api.docs import DOCS_PAGES, docs_routes
from trunkline.api.front_door import FrontDoor
from trunkline.api.handler import RequestHandler
from trunkline.api.health import health_routes
from trunkline.api.hooks import hook_routes
from trunkline.api.metrics import metrics_routes, own_metrics_route
from trunkline.api.process_metrics import ProcessMetrics
from trunkline.api.recordings import Shelf, recording_routes
from trunkline.api.row_cache import RowCache
from trunkline.api.rows import Printer
from trunkline.api.spool import Spool
from trunkline.compose import Services, recordings_in, services, working
from trunkline.ingest.webhooks import Webhooks
from trunkline.jobs.files import private_folder
from trunkline.logs import set_up_logs
from trunkline.service.clock import Clock, system_clock
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.threads import let_threads_take_turns
from trunkline.service.work import WorkReport
from trunkline.settings import Settings
from trunkline.vendors import broken, dialects, doors

log = structlog.get_logger(__name__)


def application(
    settings: Settings,
    database_url: str,
    clock: Clock = system_clock,
    *,
    bulk_socket: str | None = None,
    behind_bulkhead: bool = False,
) -> Application:
    """The web application on a database; large requests go to the one at `bulk_socket`."""
    set_up_logs(settings.log_level)
    for vendor, reason in broken().items():
        log.error("vendor left out", vendor=vendor, reason=reason)
    opened: list[Services] = []
    bulkheads: list[Bulkhead | None] = []
    row_cache = RowCache(settings.row_cache_mb * 1024 * 1024) if settings.row_cache_mb else None
    counters = EdgeCounters()
    connections = ConnectionTable(
        ConnectionLimits(
            head_seconds=settings.head_seconds,
            idle_seconds=settings.idle_seconds,
            connections=settings.connections,
            connections_per_address=settings.connections_per_address,
            trusted_proxies=settings.trusted_proxies,
        ),
        counters,
    )
    bodies = Bodies(
        counters,
        largest_bytes=settings.max_body_bytes,
        seconds=settings.body_seconds,
        most_bytes=settings.bodies_mb * 1024 * 1024,
        most_org_bytes=settings.org_bodies_mb * 1024 * 1024,
    )

    @asynccontextmanager
    async def open_answerer() -> AsyncIterator[RequestHandler]:
        async with services(
            database_url, pool_size=settings.pool_size, clock=clock, settings=settings
        ) as joined:
            opened.append(joined)
            async with working(joined, settings, database_url, clock), open_bulkhead(bulk_socket) as bulkhead:
                bulkheads.append(bulkhead)
                yield RequestHandler(
                    joined.keys,
                    joined.run,
                    joined.idempotency,
                    Printer(joined.links, row_cache),
                    bodies=bodies,
                    threads=joined.threads,
                    patience_seconds=lambda: joined.limits.patience_seconds,
                    bulkhead=bulkhead,
                    spool=Spool(joined.limits.spooled, lambda: private_folder(settings.home / "spool")),
                )

    async def database_answers() -> bool:
        try:
            return bool(opened) and await opened[-1].pool.fetchval("SELECT true", timeout=2)
        except (*DATABASE_DOWN, asyncpg.PostgresError):
            return False

    def work() -> WorkReport | None:
        return WorkReport(opened[-1].jobs, opened[-1].followers, clock) if opened else None

    def process() -> ProcessMetrics:
        bulkhead = bulkheads[-1] if bulkheads else None
        usage = [*opened[-1].limits.usage, *(bulkhead.limits if bulkhead else ())] if opened else ()
        return ProcessMetrics(os.getpid(), counters, usage, bulkhead.usage if bulkhead else None)

    async def processes() -> list[ProcessMetrics]:
        other = await bulkheads[-1].metrics() if bulkheads and bulkheads[-1] else None
        return [process(), *([] if other is None else [decode(other, type=ProcessMetrics)])]

    def webhooks() -> Webhooks:
        joined = opened[-1]
        return Webhooks(joined.sources, doors(), joined.group_commit, clock, joined.threads)

    def shelf() -> Shelf:
        joined = opened[-1]
        return Shelf(joined.recordings, recordings_in(settings), joined.links)

    async def refused(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 404
        titles = {404: "Nothing is served at this path", 405: "This method is not served at this path"}
        body = {"title": titles.get(status, "The request is refused"), "status": status}
        headers = getattr(error, "headers", None)
        return JSONResponse(body, status, headers, media_type="application/problem+json")

    others = Starlette(
        routes=[
            *health_routes(database_answers, work),
            *metrics_routes(work, processes, lambda: opened[-1].inbox if opened else None),
            *([own_metrics_route(process)] if behind_bulkhead else []),
            *docs_routes(),
            *recording_routes(shelf),
            *hook_routes(webhooks, settings.public_url, bodies, lambda: bulkheads[-1]),
        ],
        exception_handlers={HTTPException: refused},
    )
    others.router.redirect_slashes = False  # it would redirect to whatever host the client names
    # Health is served at every host name, also at one of a dialect.
    always_ours = {b"/healthz", b"/readyz", b"/metrics"}
    documentation = frozenset(
        always_ours | {f"/{name}/{page}".encode() for name in dialects() for page in DOCS_PAGES}
    )
    return Application(
        FrontDoor(dialects(), settings.hosts),
        open_answerer,
        others,
        connections,
        documentation,
        settings.trusted_proxies,
        behind_bulkhead=behind_bulkhead,
    )


def application_of_worker() -> Application:
    """The application of a server process, which reads the database's URL from its environment."""
    settings = Settings.read()
    if settings.database_url is None:
        raise RuntimeError("a server process needs TRUNKLINE_DATABASE_URL")
    let_threads_take_turns()
    return application(settings, settings.database_url, bulk_socket=os.environ.get(SOCKET_VARIABLE))


def application_behind_bulkhead() -> Application:
    """The application of the process for large requests; the other processes do the background work."""
    settings = Settings.read()
    if settings.database_url is None:
        raise RuntimeError("a server process needs TRUNKLINE_DATABASE_URL")
    let_threads_take_turns()
    alone = structs.replace(settings, work=False)
    return application(alone, settings.database_url, behind_bulkhead=True)
