"""Figures of one server process for `GET /metrics`: refusals, closed connections and the use of limits.

Each process counts for itself and is named by a label: behind one port another one may answer the next time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from trunkline.api.counters import EdgeCounters
from trunkline.service.limits import Usage

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class ProcessMetrics(Struct, frozen=True):
    """The figures of this process."""

    counters: EdgeCounters
    limits: Sequence[Usage]

    def metrics(self) -> list[Metric]:
        """One family for refused and closed connections, and five for the limits that orgs share."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        process = str(os.getpid())
        shed = CounterMetricFamily(
            "trunkline_edge_refusals", "Clients refused or cut off.", labels=["reason", "process"]
        )
        for reason, count in structs.asdict(self.counters).items():
            shed.add_metric([reason, process], count)
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
        for usage in self.limits:
            labels = [usage.name.replace(" ", "_"), process]
            refused.add_metric(labels, usage.refused)
            timeouts.add_metric(labels, usage.timeouts)
            for name, family in gauges.items():
                family.add_metric(labels, getattr(usage, name))
        return [shed, refused, timeouts, *gauges.values()]
