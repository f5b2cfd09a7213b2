"""Recordings that the log stores itself, and what may be asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct


class StoredRecording(Struct):
    """Where a stored recording lies, and what it is."""

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
    """Whatever of an org's recordings is not stored is tried again from the beginning."""


class RecordingsRetried(Struct, frozen=True):
    """How many recordings are tried again."""

    count: int
