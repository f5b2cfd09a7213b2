"""Figures of the server processes for `GET /metrics`: refusals, closed connections and the use of limits.

Each process counts for itself and is named by a label: behind one port another one may answer the next time.
The process behind the bulkhead has no port, so that its figures are passed on by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from trunkline.api.bulkhead import BulkheadUsage
from trunkline.api.counters import EdgeCounters
from trunkline.service.limits import Usage

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class ProcessMetrics(Struct, frozen=True):
    """The figures of one process."""

    pid: int
    counters: EdgeCounters
    limits: Sequence[Usage]
    bulkhead: BulkheadUsage | None = None
    """Without a bulkhead there is none."""


def process_metrics(processes: Sequence[ProcessMetrics]) -> list[Metric]:
    """One family for refused and closed connections, two for the bulkhead, and five for limits of orgs."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    shed = CounterMetricFamily(
        "trunkline_edge_refusals", "Clients refused or cut off.", labels=["reason", "process"]
    )
    refused = CounterMetricFamily(
        "trunkline_limit_refusals", "Requests refused by a limit.", labels=["limit", "process"]
    )
    timeouts = CounterMetricFamily(
        "trunkline_limit_timeouts", "Those among them that had waited.", labels=["limit", "process"]
    )
    gauges = {
        name: GaugeMetricFamily(f"trunkline_limit_{name}", documentation, labels=["limit", "process"])
        for name, documentation in (
            ("capacity", "Units of a limit, for all orgs together."),
            ("held", "Units that are in use."),
            ("waiting", "Requests that wait for units."),
        )
    }
    passed_on = CounterMetricFamily(
        "trunkline_bulkhead_requests",
        "Large requests for the process behind the bulkhead.",
        labels=["outcome", "process"],
    )
    is_up = GaugeMetricFamily("trunkline_bulkhead_up", "Whether that process answers.", labels=["process"])
    for one in processes:
        process = str(one.pid)
        for reason, count in structs.asdict(one.counters).items():
            shed.add_metric([reason, process], count)
        for usage in one.limits:
            labels = [usage.name.replace(" ", "_"), process]
            refused.add_metric(labels, usage.refused)
            timeouts.add_metric(labels, usage.timeouts)
            for name, family in gauges.items():
                family.add_metric(labels, getattr(usage, name))
        if one.bulkhead is not None:
            for outcome, count in structs.asdict(one.bulkhead).items():
                passed_on.add_metric([outcome, process], count)
            is_up.add_metric([process], len(processes) > 1)
    return [shed, refused, timeouts, *gauges.values(), passed_on, is_up]
