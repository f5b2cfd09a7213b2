"""Stored recordings, and the links to them: signed, and valid for a day or two."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from msgspec import structs

from trunkline.kit.call_ids import CallIds
from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.encoded_call import Chunk, EncodedCall
from trunkline.model.intents import OneCall, Outcome
from trunkline.model.recordings import (
    ListRecordings,
    RecordingList,
    RecordingsRetried,
    RetryRecordings,
    StoredRecording,
)
from trunkline.model.writes import CallChanged, CallDeleted, EventsAppended
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.store.jobs import JobStore
from trunkline.store.recordings import RECORDING, RecordingStore

_TOKEN = re.compile(r"([0-9]{1,10})\.([0-9a-f]{32})\.([0-9]{1,7})\.([A-Za-z0-9_-]{43})")
_DAYS = 2
"""Midnights until a link expires; links stay the same for a day, so that equal requests get equal answers."""


class LinkRefused(Exception):
    """A link is not one of ours, or has expired."""

    def __init__(self, *, over: bool) -> None:
        super().__init__("the link has expired" if over else "no such link")
        self.over = over


class Linked(NamedTuple):
    """The target of a link."""

    org_id: int
    call_id: UUID


class Links:
    """Makes and reads links to recordings."""

    def __init__(self, public_url: str, key: Callable[[], str], clock: Clock) -> None:
        self._public_url = public_url
        self._secret = key
        self._clock = clock

    @cached_property
    def _key(self) -> bytes:
        return hashlib.sha256(b"recordings\n" + self._secret().encode()).digest()

    def day(self) -> int:
        """The current day; links of another day differ."""
        return int(self._clock().timestamp()) // 86400

    def with_link(self, org_id: int, call: Call) -> Call:
        """A call as it is printed: its recording's link is ours if the recording is stored."""
        recording = call.recording
        if recording is None or recording.stored is not True:
            return call
        ours = structs.replace(recording, url=self.url(org_id, call.id), original_url=recording.url)
        return structs.replace(call, recording=ours)

    def with_encoded_link(self, org_id: int, encoded: EncodedCall) -> EncodedCall:
        """The same for a call in its stored form; few calls have to be read for that."""
        if '"stored":true' not in encoded.summary:
            return encoded
        shown = self.with_link(org_id, encoded.call_without_transcript())
        return structs.replace(encoded, summary=EncodedCall.of(shown).summary)

    async def with_encoded_links(
        self, org_id: int, chunks: AsyncGenerator[Chunk, None]
    ) -> AsyncGenerator[Chunk, None]:
        """The same for calls that come in chunks."""
        async with aclosing(chunks) as coming:
            async for chunk in coming:
                calls = [self.with_encoded_link(org_id, encoded) for encoded in chunk.calls]
                yield chunk._replace(calls=calls)

    def with_links(self, org_id: int, outcome: Outcome) -> Outcome:
        """The same for outcomes with single calls; pages and streams are converted call by call."""
        match outcome:
            case OneCall() | EventsAppended() | CallDeleted():
                return structs.replace(outcome, call=self.with_link(org_id, outcome.call))
            case CallChanged():
                before, call = outcome.before, outcome.call
                return CallChanged(outcome.org, self.with_link(org_id, before), self.with_link(org_id, call))
            case ChangeBatch():
                changes = [
                    change
                    if change.call is None
                    else structs.replace(change, call=self.with_link(org_id, change.call))
                    for change in outcome.changes
                ]
                return structs.replace(outcome, changes=changes)
        return outcome

    def url(self, org_id: int, call_id: str) -> str:
        """A link to a call's recording."""
        named = f"{org_id}.{UUID(call_id).hex}.{self.day() + _DAYS}"
        return f"{self._public_url}/recordings/{named}.{self._signature(named)}"

    def read(self, token: str) -> Linked:
        """The target of a link; raises `LinkRefused`."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise LinkRefused(over=False)
        named, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(named)):
            raise LinkRefused(over=False)
        ends_at = datetime.fromtimestamp(0, UTC) + timedelta(days=int(match[3]))
        if self._clock() >= ends_at:
            raise LinkRefused(over=True)
        return Linked(int(match[1]), UUID(match[2]))

    def _signature(self, named: str) -> str:
        digest = hmac.digest(self._key, named.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Recordings:
    """Reads what is stored of calls' recordings."""

    def __init__(self, store: RecordingStore, jobs: JobStore, clock: Clock) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock

    async def listed(self, org: Org, intent: ListRecordings, _: CallIds) -> RecordingList:
        """An org's recordings, those that are due soonest first."""
        return RecordingList(await self._store.listed(org.id, intent.state, intent.limit))

    async def retry(self, org: Org, _: RetryRecordings, __: CallIds) -> RecordingsRetried:
        """Try again, from the beginning, recordings that are not stored."""
        return RecordingsRetried(await self._jobs.retry(org.id, RECORDING, self._clock()))

    async def stored(self, linked: Linked) -> StoredRecording | None:
        """The recording that a link leads to, if it is stored."""
        return await self._store.stored(linked.org_id, linked.call_id)
