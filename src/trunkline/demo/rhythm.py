"""When made-up calls begin: working hours, quiet nights, calm weekends."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

DAYS = 30
HOURS = (
    0.2,
    0.1,
    0.1,
    0.1,
    0.2,
    0.5,
    1.5,
    4,
    8,
    10,
    10.5,
    9.5,
    7.5,
    8,
    9.5,
    9.5,
    8.5,
    7,
    5,
    3.5,
    2,
    1.2,
    0.6,
    0.3,
)
WEEKDAYS = (1.15, 1.1, 1.05, 1.0, 1.0, 0.35, 0.15)
SETTLED = timedelta(minutes=15)
"""How long before the end the last finished call begins, so that every one of them has ended by then."""


def draw_instants(rng: Random, count: int, until: datetime) -> list[datetime]:
    """Draw the whole seconds at which calls were made in the days before `until`, in order."""
    hours = DAYS * 24 - 1
    first = until - SETTLED - timedelta(hours=hours)
    slots = [first + timedelta(hours=hour) for hour in range(hours)]
    weights = [HOURS[slot.hour] * WEEKDAYS[slot.weekday()] for slot in slots]
    drawn = rng.choices(slots, weights, k=count)
    return sorted(slot + timedelta(seconds=rng.randrange(3600)) for slot in drawn)
