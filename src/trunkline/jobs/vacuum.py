"""Cleaning up after deleted calls, and vacuuming what they left: once an hour, if calls were deleted."""

from __future__ import annotations

from datetime import timedelta

from trunkline.jobs.kinds import Done, JobFailed, JobKind
from trunkline.service.erase import CleanUpFailed, Eraser
from trunkline.store.jobs import Begun

MAX_SECONDS = 3600.0
"""Cleaning up a large log pauses for readers and writers, and so may take long."""


def vacuum_kind(eraser: Eraser) -> JobKind:
    """Removes what deleted calls left in tables and files, and vacuums."""

    async def vacuum(_: Begun) -> Done:
        try:
            done = await eraser.clean_up()
        except CleanUpFailed as error:
            raise JobFailed(str(error)) from None
        if not done.not_vacuumed:
            return Done()
        return Done(note=f"the database user may not vacuum {', '.join(done.not_vacuumed)}")

    return JobKind(
        name="vacuum",
        run=vacuum,
        at_once=1,
        at_once_of_org=1,
        max_seconds=MAX_SECONDS,
        schedule="every 1h",
        first_wait=timedelta(minutes=1),
        longest_wait=timedelta(hours=1),
    )
