"""Scheduled pulls: a recurring job pulls the calls of a source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from trunkline.ingest.pull import Pull, vendor_client_of
from trunkline.ingest.vendor_client import PullBusy, PullStopped
from trunkline.jobs.kinds import Done, JobFailed, JobKind, JobPostponed
from trunkline.kit.door import Door
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.sources import SourceProblem, Sources
from trunkline.store.jobs import Begun
from trunkline.store.pulls import PULL, PullStore

log = structlog.get_logger(__name__)

AT_ONCE, AT_ONCE_OF_ORG = 4, 2
"""Pulls at the same time, of all orgs and of one; each holds a connection while it runs."""

_BUSY = timedelta(seconds=30)


class ScheduledPulls(Struct, frozen=True):
    """Pulls from the sources that have a schedule."""

    pool: asyncpg.Pool
    sources: Sources
    commits: GroupCommit
    doors: Mapping[str, Door]
    clock: Clock

    @property
    def kind(self) -> JobKind:
        """Pulls the new calls of one source; an interrupted pull continues where it was."""
        return JobKind(
            name=PULL,
            run=self._pull,
            at_once=AT_ONCE,
            at_once_of_org=AT_ONCE_OF_ORG,
            max_seconds=6 * 3600.0,
            first_wait=timedelta(seconds=30),
            longest_wait=timedelta(hours=1),
        )

    async def _pull(self, job: Begun) -> Done:
        try:
            source = await self.sources.named(job.org_name, job.ref.key)
            door = self.doors[source.vendor]
            async with vendor_client_of(source, door) as client:
                store = PullStore(self.pool, source.org.id, UUID(source.id))
                total = await Pull(source, door, self.commits, store, client, self.clock).run()
        except PullBusy:
            raise JobPostponed(_BUSY) from None
        except SourceProblem as error:
            raise JobFailed(str(error), for_good=True) from None
        except PullStopped as error:
            raise JobFailed(str(error)) from None
        log.info(
            "pulled",
            org=job.org_name,
            source=source.id,
            calls=total.calls,
            new=total.new,
            changed=total.changed,
            unreadable=len(total.unreadable),
        )
        if not total.unreadable:
            return Done()
        return Done(note=f"{len(total.unreadable)} calls could not be read; the ledger lists them")
