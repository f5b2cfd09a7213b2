"""Checking the running sums of exact totals against the calls, and correcting them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from trunkline.kit.call_ids import CallIds
from trunkline.model.totals import CheckTotals, Difference, RebuildTotals, TotalsChecked, TotalsRebuilt
from trunkline.service.calls import Org


class Totals:
    """Recounts an org's calls."""

    def __init__(
        self,
        differences: Callable[[int], Awaitable[list[Difference]]],
        mend: Callable[[int], Awaitable[int]],
    ) -> None:
        """Both take an org's id: one lists the sums that differ, the other corrects and counts them."""
        self._differences = differences
        self._mend = mend

    async def check(self, org: Org, _: CheckTotals, __: CallIds) -> TotalsChecked:
        """List every running sum that differs."""
        return TotalsChecked(await self._differences(org.id))

    async def rebuild(self, org: Org, _: RebuildTotals, __: CallIds) -> TotalsRebuilt:
        """Correct the running sums while others write."""
        return TotalsRebuilt(await self._mend(org.id))
