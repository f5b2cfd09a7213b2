"""What the database itself can do: our statements by `pgbench`, and `COPY`."""

from __future__ import annotations

import math
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from bench.results import Sample, sample_of
from trunkline.model.query import CallFilter, Order, Rows
from trunkline.store.calls.list_query import ListQuery, list_query
from trunkline.store.embedded.programs import wheel_folder
from trunkline.store.pool import open_pool

PAGE = 20
_PARAMETER = re.compile(r"\$([0-9]+)")
_VARIABLE = re.compile(r":(?=[^\W\d])")
"""A colon that pgbench would read as the beginning of a variable."""
_COLON = "\\072"


def program(name: str) -> Path:
    """A program that comes with the embedded PostgreSQL."""
    return wheel_folder() / name


def first_page(org_id: int) -> ListQuery:
    """The statement of a first page of 20 with its exact total."""
    return list_query(org_id, CallFilter(), Order(), Rows(PAGE), with_total=True, with_transcript=False)


# -- settings -------------------------------------------------------------

_SERVER = (
    *("server_version", "shared_buffers", "effective_cache_size", "work_mem", "max_wal_size"),
    *("synchronous_commit", "fsync", "wal_compression", "max_parallel_workers_per_gather"),
)
_SESSION = ("plan_cache_mode", "jit")
_SETTINGS = "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)"


async def settings_of_server(connection: asyncpg.Connection) -> dict[str, str]:
    """The settings of the server that matter here."""
    return {row["name"]: row["value"] for row in await connection.fetch(_SETTINGS, _SERVER)}


async def settings_of_session(url: str) -> dict[str, str]:
    """The session settings of our own connections, which pgbench uses too."""
    async with await open_pool(url, 1) as pool:
        return {row["name"]: row["value"] for row in await pool.fetch(_SETTINGS, _SESSION)}


# -- pgbench --------------------------------------------------------------


def inlined(query: ListQuery) -> str:
    """A statement with its values as literals, whose types the database infers as it does for parameters."""
    return _PARAMETER.sub(lambda match: _literal(query.values[int(match[1]) - 1]), _plain(query.sql))


def with_variables(query: ListQuery) -> tuple[str, dict[str, str]]:
    """A statement with its values as variables, which pgbench sends as parameters, and the variables."""
    values = {f"v{number}": as_text(value) for number, value in enumerate(query.values, 1)}
    return _PARAMETER.sub(r":v\1", _plain(query.sql)), values


def _plain(sql: str) -> str:
    if _VARIABLE.search(sql.replace("::", "")):
        raise ValueError("the statement has what pgbench would read as a variable")
    return sql


def _literal(value: Any) -> str:
    quoted = as_text(value).replace("\\", "\\\\").replace("'", "''")
    return f"E'{_VARIABLE.sub(lambda _: _COLON, quoted)}'"


def as_text(value: Any) -> str:
    """A value in the form in which the database reads it, whatever its type will be."""
    return _array(value) if isinstance(value, list | tuple) else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _array(values: Sequence[Any]) -> str:
    escaped = (_text(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"


def pgbench(
    url: str,
    script: str,
    *,
    clients: int,
    seconds: float,
    variables: Mapping[str, str] | None = None,
    session: Mapping[str, str] | None = None,
) -> Sample:
    """Run a script's transaction over and over, its statements prepared, with settings of the session."""
    options = " ".join(f"-c {name}={value}" for name, value in (session or {}).items())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script.rstrip().removesuffix(";") + ";\n", encoding="utf-8")
        command = [str(program("pgbench")), "--no-vacuum", "-M", "prepared", "-c", str(clients), "-j", "1"]
        command += ["-T", str(max(1, math.ceil(seconds))), "-f", str(file), "-l", "--log-prefix", "log"]
        command += [f"--define={name}={value}" for name, value in (variables or {}).items()]
        command.append(url)
        environment = {**os.environ, "PGOPTIONS": options}
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)  # noqa: S603
        lines = [line.split() for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    # client, transaction, microseconds, script, end in whole seconds, and its microseconds
    latencies = [int(line[2]) / 1e6 for line in lines]
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    if not ends:
        raise RuntimeError("pgbench ran nothing")
    first = min(end - latency for end, latency in zip(ends, latencies, strict=True))
    return sample_of(latencies, max(ends) - first)


# -- COPY -----------------------------------------------------------------

_EXPORT = """SELECT c.body, t.body FROM calls c
LEFT JOIN call_transcripts t ON t.org_id = c.org_id AND t.call_id = c.id
WHERE c.org_id = $1 LIMIT $2"""


class Copied(Struct):
    """What COPY sent, and how long it took."""

    rows: int
    size: int
    seconds: float


async def copy_out(connection: asyncpg.Connection, org_id: int, most: int) -> Copied:
    """COPY an org's calls, joined with their transcripts, to nowhere."""
    size = 0

    async def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)

    began = time.perf_counter()
    status = await connection.copy_from_query(_EXPORT, org_id, most, output=take, format="binary")
    return Copied(int(status.split()[-1]), size, time.perf_counter() - began)
