"""How flat we are: the medians of two runs beside each other, row by row.

python -m bench.compare bench/results/10k-….json bench/results/10m-….json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec import Struct

from bench.results import Report, Row, read


class Pair(Struct, frozen=True, kw_only=True):
    """A row of both runs, and how many times its median grew."""

    subject: str
    name: str
    before_ms: float | None
    after_ms: float | None
    alone: float | None
    """With one client."""
    loaded: float | None
    """With many, each waiting for the others."""


def pairs(before: Report, after: Report) -> list[Pair]:
    """The rows that both runs have, in the order of the second."""
    known = {(row.subject, row.name, row.connections): row for row in before.rows}
    known |= {(row.subject, row.name, None): row for row in before.rows}
    found = []
    for row in after.rows:
        same = known.get((row.subject, row.name, row.connections)) or known.get((row.subject, row.name, None))
        if same is not None and not same.problem and not row.problem:
            found.append(_pair(same, row))
    return [pair for pair in found if pair.alone or pair.loaded]


def _pair(before: Row, after: Row) -> Pair:
    return Pair(
        subject=after.subject,
        name=after.name,
        before_ms=before.alone_p50_ms or before.p50_ms,
        after_ms=after.alone_p50_ms or after.p50_ms,
        alone=_ratio(before.alone_p50_ms, after.alone_p50_ms),
        # One client against many says nothing.
        loaded=_ratio(before.p50_ms, after.p50_ms) if before.connections == after.connections else None,
    )


def _ratio(before: float | None, after: float | None) -> float | None:
    return after / before if before and after else None


def text(before: Report, after: Report) -> str:
    """The comparison as a table."""
    found = pairs(before, after)
    width = max((len(f"{pair.subject}: {pair.name}") for pair in found), default=0)
    lines = [f"{'':{width}}  {before.size:>9}  {after.size:>9}  {'alone':>7}  {'loaded':>7}"]
    lines += [
        f"{f'{pair.subject}: {pair.name}':{width}}  {_ms(pair.before_ms)}  {_ms(pair.after_ms)}"
        f"  {_times(pair.alone)}  {_times(pair.loaded)}"
        for pair in found
    ]
    return "\n".join(lines)


def _ms(value: float | None) -> str:
    return f"{'' if value is None else f'{value:.2f} ms':>9}"


def _times(value: float | None) -> str:
    return f"{'' if value is None else f'{value:.2f}':>7}"


def main() -> None:
    """Compare two saved runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args()
    print(text(read(given.before), read(given.after)))


if __name__ == "__main__":
    main()
