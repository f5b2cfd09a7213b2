"""Pulls: the schedules of sources."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class PullSchedule(Struct, frozen=True):
    """The pull schedule of a source, and the last result."""

    schedule: str | None = None
    last_at: datetime | None = None
    """When a pull was last completed, scheduled or not."""
    next_at: datetime | None = None
    problem: str | None = None
    running: bool | None = None
