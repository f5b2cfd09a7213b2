"""`GET /metrics`, for Prometheus, and what `/readyz` reports about background work.

The figures about work are in the database, so that every process returns the same. They cover all orgs
together: no label names an org.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trunkline.api.bulkhead import OWN_METRICS
from trunkline.api.process_metrics import ProcessMetrics, process_metrics
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.inbox import Inbox
from trunkline.service.work import Work, WorkReport

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def metrics_routes(
    report: Callable[[], WorkReport | None],
    processes: Callable[[], Awaitable[Sequence[ProcessMetrics]]],
    inbox: Callable[[], Inbox | None],
) -> list[Route]:
    """`GET /metrics`."""

    async def metrics(_: Request) -> Response:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
        from prometheus_client.registry import Collector

        read, unread = report(), inbox()
        try:
            if read is None or unread is None:
                raise ConnectionError("not open yet")
            found = [
                *_metrics(await read.read(), read),
                *await _inbox_metrics(unread),
                *process_metrics(await processes()),
            ]
        except (*DATABASE_DOWN, asyncpg.PostgresError):
            return PlainTextResponse(
                "the database does not answer\n", status_code=503, headers={"Retry-After": "1"}
            )

        class Found(Collector):
            def collect(self) -> list[Metric]:
                return found

        registry = CollectorRegistry()
        registry.register(Found())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [Route("/metrics", metrics)]


def own_metrics_route(process: Callable[[], ProcessMetrics]) -> Route:
    """Where the processes with a port find the figures of the one without."""

    async def own(_: Request) -> Response:
        return Response(msgspec.json.encode(process()), media_type="application/json")

    return Route(OWN_METRICS, own)


def _metrics(work: Work, report: WorkReport) -> list[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    followers = {lag.name for lag in work.lags}

    def gauge(name: str, documentation: str, label: str, values: list[tuple[str, float]]) -> Metric:
        family = GaugeMetricFamily(f"trunkline_{name}", documentation, labels=[label])
        for key, value in values:
            family.add_metric([key], value)
        return family

    ran = CounterMetricFamily("trunkline_jobs", "Jobs that ended, by outcome.", labels=["kind", "outcome"])
    took = CounterMetricFamily("trunkline_job_seconds", "Seconds that jobs took.", labels=["kind", "outcome"])
    steps = CounterMetricFamily(
        "trunkline_follower_steps", "Steps of followers, by outcome.", labels=["follower", "outcome"]
    )
    for one in work.counts:
        if one.kind in followers:
            steps.add_metric([one.kind, one.outcome], one.n)
        else:
            ran.add_metric([one.kind, one.outcome], one.n)
            took.add_metric([one.kind, one.outcome], one.seconds)
    waiting, lags = work.waiting, work.lags
    return [
        ran,
        took,
        steps,
        gauge("jobs_due", "Jobs that are due.", "kind", [(one.kind, one.due) for one in waiting]),
        gauge(
            "jobs_later",
            "Jobs that wait for a later time.",
            "kind",
            [(one.kind, one.later) for one in waiting],
        ),
        gauge(
            "jobs_retried", "Jobs that wait for another try.", "kind", [(j.kind, j.retried) for j in waiting]
        ),
        gauge(
            "jobs_failed", "Jobs after their last try.", "kind", [(one.kind, one.failed) for one in waiting]
        ),
        gauge("jobs_running", "Jobs that run.", "kind", [(one.kind, one.running) for one in work.running]),
        gauge(
            "jobs_oldest_due_seconds",
            "How long the oldest due job has waited.",
            "kind",
            [(one.kind, report.age_seconds(one)) for one in waiting],
        ),
        gauge(
            "follower_behind",
            "Changes that a follower has not read yet.",
            "follower",
            [(f.name, f.behind) for f in lags],
        ),
        gauge(
            "follower_farthest_behind",
            "Changes that a follower has not read yet, in the org with the most.",
            "follower",
            [(one.name, one.farthest) for one in lags],
        ),
        gauge(
            "follower_orgs_failing",
            "Orgs in which a follower waits for another try.",
            "follower",
            [(one.name, one.orgs_failing) for one in lags],
        ),
        gauge("follower_skipped", "Changes that a follower has skipped.", "follower", list(work.skips)),
    ]


async def _inbox_metrics(inbox: Inbox) -> list[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    there, drops = await inbox.totals()
    labels = ["vendor", "state"]
    payloads = GaugeMetricFamily("trunkline_inbox_payloads", "Payloads in the inbox.", labels=labels)
    size_bytes = GaugeMetricFamily("trunkline_inbox_bytes", "Bytes of payloads in the inbox.", labels=labels)
    for one in there:
        payloads.add_metric([one.vendor, one.state], one.payloads)
        size_bytes.add_metric([one.vendor, one.state], one.size_bytes)
    dropped = CounterMetricFamily(
        "trunkline_inbox_dropped", "Payloads that the inbox dropped since it was full.", labels=["vendor"]
    )
    for vendor, count in drops:
        dropped.add_metric([vendor], count)
    return [payloads, size_bytes, dropped]
