"""The summary of measured delays that vendors print with a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def percentile(ordered: Sequence[int], share: float) -> int:
    """A percentile of an ordered list, interpolated linearly between neighbours."""
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (position - low))


def summarize(values: Sequence[int]) -> dict[str, Any]:
    """Extremes and percentiles of at least one value, with the values in their original order."""
    ordered = sorted(values)
    return {
        "max": ordered[-1],
        "min": ordered[0],
        "num": len(ordered),
        "p50": percentile(ordered, 0.50),
        "p90": percentile(ordered, 0.90),
        "p95": percentile(ordered, 0.95),
        "p99": percentile(ordered, 0.99),
        "values": list(values),
    }
