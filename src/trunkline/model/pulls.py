"""Pulls: when a source is asked for its calls again."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class PullSchedule(Struct, frozen=True):
    """How a source is pulled by itself, and how that went."""

    schedule: str | None = None
    last_at: datetime | None = None
    """When a pull last came to its end, whoever began it."""
    next_at: datetime | None = None
    problem: str | None = None
    running: bool | None = None
