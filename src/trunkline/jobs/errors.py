"""Distinguishes an unavailable database from a row that always fails."""

from __future__ import annotations

import asyncpg

_UNAVAILABLE_CLASSES = (
    "08",  # the connection
    "25",  # a transaction in the wrong state, as on a server that only reads
    "28",  # who may connect
    "3D",  # no such database
    "40",  # rolled back, as in a deadlock
    "42",  # tables that differ from ours: another version is running
    "53",  # no room, no memory, no more connections
    "55",  # a lock that could not be acquired
    "57",  # the server stops, or a statement took too long
    "58",  # the operating system
)
"""Classes of SQLSTATE that do not depend on the row at which they occurred."""


def is_unavailable(error: BaseException) -> bool:
    """Whether a failure is of the database, the network or the disk, and would hit any other row as well."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "08").startswith(_UNAVAILABLE_CLASSES)
    if isinstance(error, asyncpg.InterfaceError):
        # The driver's own refusal of a value, as of a number that is too large, is of this class as well.
        return not isinstance(error, ValueError)
    return isinstance(error, OSError | TimeoutError | asyncpg.InternalClientError)
