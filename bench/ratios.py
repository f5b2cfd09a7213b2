"""The quoted ratios of a run: ours to the limits and to the peer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.results import Row

OURS, LIMIT, BARE, PEER = "ours", "pgbench", "bare ASGI", "peer"
IMPORTER, COPY_IN, COPY_OUT = "ours, import", "COPY FROM", "COPY TO"
"""Who is measured."""
FIRST_PAGE, IMPORT, EXPORT, SINGLE = "first page", "import", "export", "single calls"
"""The question on which ours is compared with the others."""
WRITERS = 64
"""Clients that write at once."""
WAKING_WRITERS = 32
"""Writers, each in an org of its own, whose commits are counted with wake-ups and without."""
COMMITS = "ours, commits"
EARLY_EVENTS, LATE_EVENTS = "event of a call that has 10", "event of a call that has 10,000"
ALONE, BESIDE = "a quiet org alone", "a quiet org beside a hostile one"
"""What is asked for while nobody else asks, and while one org asks for too much."""
WAKE_UPS, WITHOUT_WAKE_UPS = "commits with wake-ups", "commits without wake-ups"


def named(who: str, workers: int) -> str:
    """Who serves, by how many workers."""
    return f"{who}, {workers} worker" + ("s" if workers > 1 else "")


def commits_of(clients: int) -> str:
    """The name of the row with the number of transactions that the disk can make."""
    return "commits of one small row" + ("" if clients == 1 else f", {clients} clients")


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """The quoted ratios: ours to the limits and to the peer."""
    made: dict[str, float] = {}

    def compare(
        name: str,
        above: tuple[str, str],
        below: tuple[str, str],
        value: Callable[[Row], float | None] = lambda row: row.per_second,
    ) -> None:
        found = [
            next((value(row) for row in rows if (row.subject, row.name) == key and value(row)), None)
            for key in (above, below)
        ]
        if found[0] and found[1]:
            made[name] = round(found[0] / found[1], 3)

    for workers in (1, 2):
        own = (named(OURS, workers), FIRST_PAGE)
        also = "" if workers == 1 else ", 2 workers"
        compare(f"first page, requests/s: ours / bare ASGI{also}", own, (named(BARE, workers), FIRST_PAGE))
        compare(f"first page, requests/s: ours / peer{also}", own, (named(PEER, workers), FIRST_PAGE))
    for page in ("middle page", "last page"):
        compare(f"{page}, requests/s: ours / peer", (named(OURS, 1), page), (named(PEER, 1), page))
        compare(
            f"{page} / first page, p50 alone: ours",
            (named(OURS, 1), page),
            (named(OURS, 1), FIRST_PAGE),
            lambda row: row.alone_p50_ms,
        )
    compare("import, calls/s: ours / COPY", (IMPORTER, IMPORT), (COPY_IN, IMPORT))
    commits = ("pgbench", commits_of(WRITERS))
    for workers in (1, 2):
        single = (named(OURS, workers), SINGLE)
        also = "" if workers == 1 else ", 2 workers"
        compare(f"single calls over HTTP / {commits[1]}{also}", single, commits)
    compare(
        "event of a live call, p50: after 10,000 / after 10",
        (named(OURS, 1), LATE_EVENTS),
        (named(OURS, 1), EARLY_EVENTS),
        lambda row: row.p50_ms,
    )
    compare("commits/s: with wake-ups / without", (COMMITS, WAKE_UPS), (COMMITS, WITHOUT_WAKE_UPS))
    compare(
        "a quiet org, p95: beside a hostile one / alone",
        (named(OURS, 1), BESIDE),
        (named(OURS, 1), ALONE),
        lambda row: row.p95_ms,
    )
    compare("export, bytes/s: ours / COPY TO", (named(OURS, 1), EXPORT), (COPY_OUT, EXPORT))
    return made
