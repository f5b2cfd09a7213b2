"""Checking the running sums of exact totals against the calls, and mending them."""

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
        """Both take an org's id: one names the sums that are off, the other mends and counts them."""
        self._differences = differences
        self._mend = mend

    async def check(self, org: Org, _: CheckTotals, __: CallIds) -> TotalsChecked:
        """Name every running sum that is off."""
        return TotalsChecked(await self._differences(org.id))

    async def rebuild(self, org: Org, _: RebuildTotals, __: CallIds) -> TotalsRebuilt:
        """Put the running sums right while others write."""
        return TotalsRebuilt(await self._mend(org.id))
