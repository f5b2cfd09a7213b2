"""The web application, joined from its parts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from msgspec import structs
from msgspec.json import decode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

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
from trunkline.api.problems import refusal_of_path
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
from trunkline.service.database_condition import DatabaseCondition
from trunkline.service.threads import let_threads_take_turns
from trunkline.service.work import WorkReport
from trunkline.settings import Settings
from trunkline.store.embedded import embedded_problem
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
    condition = DatabaseCondition(embedded_problem(database_url, (settings.home, settings.home / "demo")))
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
        await condition.embedded_answers()
        async with services(
            database_url, pool_size=settings.pool_size, clock=clock, settings=settings
        ) as joined:
            opened.append(joined)
            async with (
                working(joined, settings, database_url, clock),
                open_bulkhead(bulk_socket, settings.idle_seconds) as bulkhead,
            ):
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
                    reason=condition.reason,
                    spool=Spool(joined.limits.spooled, lambda: private_folder(settings.home / "spool")),
                )

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

    others = Starlette(
        routes=[
            *health_routes(lambda: condition.problem(opened[-1].pool if opened else None), work),
            *metrics_routes(work, processes, lambda: opened[-1].inbox if opened else None),
            *([own_metrics_route(process)] if behind_bulkhead else []),
            *docs_routes(),
            *recording_routes(shelf),
            *hook_routes(webhooks, settings.public_url, bodies, lambda: bulkheads[-1], condition.reason),
        ],
        exception_handlers={HTTPException: refusal_of_path},
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
