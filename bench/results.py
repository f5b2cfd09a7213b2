"""The results of a run: rows, facts and ratios, as one table and as a JSON file."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PACKAGES = ("trunkline", "uvicorn", "asyncpg", "msgspec", "uvloop", "httptools", "starlette")
PEER_PACKAGES = ("fastapi", "sqlalchemy", "pydantic")


class Sample(Struct, kw_only=True):
    """The measurements of a repeated action."""

    count: int
    seconds: float
    failed: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    answer_bytes: int = 0
    """Mean size of an answer's body, or of the whole answer if only that is known."""

    @property
    def per_second(self) -> float:
        """How often it was done in a second."""
        return self.count / self.seconds if self.seconds else 0.0


class Row(Struct, kw_only=True):
    """One line of the table."""

    subject: str
    """Who was measured."""
    name: str
    """What was measured."""
    connections: int | None = None
    """How many clients at once, each with its next request as soon as it has its answer."""
    per_second: float | None = None
    unit: str = "requests"
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    alone_p50_ms: float | None = None
    """The median with one client, so that no request waits in a queue."""
    alone_p95_ms: float | None = None
    answer_bytes: int | None = None
    total: int | None = None
    """The size of the match as the answer has it; it was compared with a count of the rows."""
    note: str = ""
    problem: str = ""
    """Why the row cannot be trusted, or has no numbers."""


class Machine(Struct, kw_only=True):
    """What the run was made on."""

    system: str
    cpu: str
    cores: int
    memory_gb: float | None


class Report(Struct, kw_only=True):
    """Everything that is saved of a run."""

    size: str
    started_at: datetime
    commit: str
    machine: Machine
    versions: dict[str, str]
    run: dict[str, str | int | float | None]
    """The options of the run."""
    load: dict[str, str | int | float | None]
    """What the calls are, and how they went in."""
    database: dict[str, str]
    """The settings of the database that matter here."""
    memory_mb: dict[str, float | None]
    """The most that one process of each server had resident, over its whole run."""
    rows: list[Row]
    ratios: dict[str, float]

    @property
    def problems(self) -> list[str]:
        """Problems that must be checked before anything is quoted."""
        return [f"{row.subject}: {row.name}: {row.problem}" for row in self.rows if row.problem]


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that a share of all values does not exceed, or `None` if there are none."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def sample_of(latencies: Sequence[float], seconds: float, *, failed: int = 0, size: int = 0) -> Sample:
    """A sample from the seconds that each took, and the bytes of all answers."""
    ordered = sorted(latencies)
    p50, p95, p99 = (percentile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Sample(
        count=len(ordered),
        seconds=seconds,
        failed=failed,
        p50_ms=p50 and p50 * 1000,
        p95_ms=p95 and p95 * 1000,
        p99_ms=p99 and p99 * 1000,
        answer_bytes=size // len(ordered) if ordered else 0,
    )


def row_of(subject: str, name: str, sample: Sample, *, connections: int, unit: str = "requests") -> Row:
    """A line from a sample."""
    return Row(
        subject=subject,
        name=name,
        connections=connections,
        unit=unit,
        per_second=sample.per_second,
        p50_ms=sample.p50_ms,
        p95_ms=sample.p95_ms,
        p99_ms=sample.p99_ms,
        answer_bytes=sample.answer_bytes or None,
        problem=f"{sample.failed} failed" if sample.failed else "" if sample.count else "no answers",
    )


# -- facts ----------------------------------------------------------------


def machine() -> Machine:
    """What this machine is; what cannot be found out is left open."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpu=_proc("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gb=_memory_gb(),
    )


def _proc(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _memory_gb() -> float | None:
    text = _proc("/proc/meminfo", "MemTotal")
    return round(int(text.split()[0]) / 2**20, 1) if text else None


def versions(postgres: str) -> dict[str, str]:
    """What was run, by name."""
    found = {"python": platform.python_version(), "postgres": postgres}
    for name in (*PACKAGES, *PEER_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that is checked out, marked if files differ from it."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*args: str) -> str:
    # The repository is wherever this file is.
    return subprocess.run(  # noqa: S603
        ["git", *args],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


# -- output ---------------------------------------------------------------


def save(report: Report, folder: Path = RESULTS) -> Path:
    """Write the report under its size and date."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.size}-{report.started_at:%Y-%m-%d-%H%M%S}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return path


def read(path: Path) -> Report:
    """A saved report."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


HEADER = ("who", "what", "clients", "per second", "p50 ms", "p95 ms", "p99 ms", "alone p50", "bytes", "")


def table(report: Report) -> str:
    """The report as text."""
    cells = [HEADER, *(_cells(row) for row in report.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    lines += ["", "most memory of one process, MB"]
    lines += [f"  {name}: {'?' if mb is None else f'{mb:.0f}'}" for name, mb in report.memory_mb.items()]
    lines += ["", "ratios"]
    lines += [f"  {name}: {ratio:.2f}" for name, ratio in report.ratios.items()]
    if report.problems:
        lines += ["", "look into"]
        lines += [f"  {problem}" for problem in report.problems]
    facts = [report.machine.cpu, f"{report.machine.cores} cores", f"{report.machine.memory_gb} GB"]
    facts += [f"{name} {number}" for name, number in report.versions.items()]
    lines += ["", ", ".join(facts)]
    lines.append(
        f"{report.size}, commit {report.commit}, {report.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    rate = "" if row.per_second is None else f"{_number(row.per_second)} {row.unit}"
    return (
        row.subject,
        row.name,
        "" if row.connections is None else str(row.connections),
        rate,
        *(_number(value) for value in (row.p50_ms, row.p95_ms, row.p99_ms, row.alone_p50_ms)),
        "" if row.answer_bytes is None else f"{row.answer_bytes:,}",
        row.problem or row.note,
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    columns = (
        cell.rjust(width) if 2 <= column < len(cells) - 1 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(columns).rstrip()
