"""Transcripts of live calls, assembled once nothing more is reported of a call."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.jobs.followers import Follower
from trunkline.jobs.kinds import JobKind
from trunkline.service.clock import Clock
from trunkline.store.jobs import Begun, add_jobs
from trunkline.store.live import LiveStore, resting_calls

LIVE_TRANSCRIPT = "live_transcript"
"""The kind of job."""


class LiveTranscripts(Struct, frozen=True):
    """Adds a job for each live call that changes, which assembles the transcript when the call rests."""

    store: LiveStore
    clock: Clock

    @property
    def follower(self) -> Follower:
        """Schedules the jobs of changed live calls for when they are expected to rest."""
        return Follower(name="live_transcripts", step=self._note)

    @property
    def kind(self) -> JobKind:
        """Assembles the transcript of a call, unless more was reported of it since the job was added."""
        return JobKind(
            name=LIVE_TRANSCRIPT,
            run=self._put_together,
            at_once=4,
            at_once_of_org=2,
            first_wait=timedelta(seconds=30),
            longest_wait=timedelta(hours=1),
        )

    async def _note(self, connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> int:
        for due_at, calls in (await resting_calls(connection, org_id, after, up_to)).items():
            await add_jobs(connection, org_id, LIVE_TRANSCRIPT, [str(one) for one in calls], due_at)
        return up_to

    async def _put_together(self, job: Begun) -> None:
        # For a call that changed meanwhile the follower adds the job again, with a later time.
        await self.store.settle(job.ref.org_id, UUID(job.ref.key), self.clock())
