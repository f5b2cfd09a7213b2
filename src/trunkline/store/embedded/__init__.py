"""The embedded PostgreSQL: a real server in a folder of ours, shared by all processes that use the folder.

We run `initdb` and `postgres` ourselves. Nothing outside of the home folder is touched, except for a folder
of the socket where the home folder's path is too long for one.

Three files in the home folder are only ever locked, never read, since the system releases a lock however its
process ends:

* `.starting` by a process that starts or stops the server, so that no other does;
* `.using` by each process that uses the server, for as long as it does; whoever gets it alone is the last;
* `.running` by PostgreSQL's processes, which inherit the lock: whoever gets it knows that all have ended.

PostgreSQL's own `postmaster.pid` names a process by its number, which another process may have after a crash.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable
from pathlib import Path

from trunkline.store.embedded.problem import DISK_FULL, EmbeddedProblem
from trunkline.store.embedded.server import EmbeddedPostgres, log_report

__all__ = [
    "DISK_FULL",
    "EmbeddedPostgres",
    "EmbeddedProblem",
    "embedded_problem",
    "join_embedded",
    "start_embedded",
    "stop_embedded",
]

_JOINED: dict[Path, EmbeddedPostgres] = {}


def join_embedded(
    home: Path,
    programs: Path | None = None,
    report: Callable[[str], None] = log_report,
    outer_home: Path | None = None,
) -> EmbeddedPostgres:
    """Start the folder's PostgreSQL, or join it if it runs.

    It stops when the last process that joined it ends. `programs` is the `bin` folder of a PostgreSQL 18;
    without it the one of the wheel is used. `outer_home` is the home folder that this one is part of. Raises
    `EmbeddedProblem` if it does not start, and `OSError`.
    """
    postgres = _JOINED.get(home)
    if postgres is None:
        postgres = EmbeddedPostgres(home, programs, report, outer_home)
        postgres.join()
        atexit.register(stop_embedded, home)
        _JOINED[home] = postgres
    else:
        postgres.start_again()
    return postgres


def start_embedded(home: Path, programs: Path | None = None) -> str:
    """Start the folder's PostgreSQL, or join it if it runs, and return its URL; raises `EmbeddedProblem`."""
    return join_embedded(home, programs).url


def embedded_problem(database_url: str, homes: Iterable[Path]) -> Callable[[], str | None] | None:
    """What says why the embedded PostgreSQL does not answer, if a URL leads to that of one of the homes."""
    found = (EmbeddedPostgres(home) for home in homes)
    return next((postgres.problem for postgres in found if postgres.url == database_url), None)


def stop_embedded(home: Path) -> None:
    """Leave the folder's PostgreSQL; it stops if no other process uses it."""
    postgres = _JOINED.pop(home, None)
    if postgres is not None:
        postgres.leave()
