"""Telling a database that is not available from a row that cannot be done."""

from __future__ import annotations

import asyncpg

_UNAVAILABLE_CLASSES = (
    "08",  # the connection
    "25",  # a transaction in the wrong state, as on a server that only reads
    "28",  # who may connect
    "3D",  # no such database
    "40",  # rolled back, as in a deadlock
    "42",  # tables that are not as we know them: another version is at work
    "53",  # no room, no memory, no more connections
    "55",  # a lock that was not to be had
    "57",  # the server stops, or a statement took too long
    "58",  # the system below it
)
"""Classes of SQLSTATE that say nothing of the row at which they came."""


def is_unavailable(error: BaseException) -> bool:
    """Whether a failure is of the database, the network or the disk, and would meet any other row as well."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "08").startswith(_UNAVAILABLE_CLASSES)
    if isinstance(error, asyncpg.InterfaceError):
        # The driver's own refusal of a value, as of a number that is too large, is of this class as well.
        return not isinstance(error, ValueError)
    return isinstance(error, OSError | TimeoutError | asyncpg.InternalClientError)
