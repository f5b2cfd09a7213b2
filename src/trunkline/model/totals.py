"""Intents to check and correct the running sums behind exact totals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct


class Difference(Struct, kw_only=True):
    """A running sum that differs from a recount."""

    grouping: str
    level: str
    period: datetime
    agent: str | None
    campaign: str | None
    value: str
    outcome: str
    stored: int
    counted: int


class CheckTotals(Struct, frozen=True):
    """Recount the calls of an org."""


class TotalsChecked(Struct, frozen=True):
    """Every running sum of an org that differs."""

    differences: Sequence[Difference]


class RebuildTotals(Struct, frozen=True):
    """Correct the running sums of an org while others write."""


class TotalsRebuilt(Struct, frozen=True):
    """How many running sums differed."""

    count: int
