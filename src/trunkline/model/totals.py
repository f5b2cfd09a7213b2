"""Checking the running sums that exact totals are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct


class Difference(Struct, kw_only=True):
    """A running sum that is not what a recount gives."""

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
    """The calls of an org are recounted."""


class TotalsChecked(Struct, frozen=True):
    """Every running sum of an org that is off."""

    differences: Sequence[Difference]


class RebuildTotals(Struct, frozen=True):
    """The running sums of an org are put right while others write."""


class TotalsRebuilt(Struct, frozen=True):
    """How many running sums were off."""

    count: int
