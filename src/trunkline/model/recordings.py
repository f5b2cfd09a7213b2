"""Recordings that the log stores itself, and the intents about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct


class StoredRecording(Struct):
    """The path and properties of a stored recording."""

    path: str
    size_bytes: int
    media_type: str
    sha256: bytes


class ListedRecording(Struct):
    """A recording as `recordings list` shows it."""

    call_id: UUID
    url: str
    state: str
    attempts: int
    next_try_at: datetime | None
    problem: str | None
    size_bytes: int | None
    media_type: str | None
    fetched_at: datetime | None


class ListRecordings(Struct, frozen=True):
    """The recordings of an org, those that are due soonest first."""

    limit: int
    state: str | None = None
    """`waiting`, `stored` or `failed`; `None` for all."""


class RecordingList(Struct, frozen=True):
    """Some recordings of an org."""

    recordings: Sequence[ListedRecording]


class RetryRecordings(Struct, frozen=True):
    """Try again, from the beginning, an org's recordings that are not stored."""


class RecordingsRetried(Struct, frozen=True):
    """How many recordings will be tried again."""

    count: int
