"""Why the embedded PostgreSQL does not run."""

from __future__ import annotations

DISK_FULL = "the disk of the database is full"


class EmbeddedProblem(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message says what to do."""


class DiskFull(EmbeddedProblem):
    """There is no room on the disk for PostgreSQL to start."""
