"""The folder that a run loads once and uses again: one big org, nine small ones, and a key to the big one.

    python -m bench.folder 100k

creates it, through `trunkline import`. A folder is complete once it has its marker file.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct, field

from bench.calls import DATA
from bench.multiplied import multiply
from bench.results import ROOT
from trunkline.store.embedded import start_embedded
from trunkline.store.migrations import FOLDER, head, migrate

SEED = 9
"""Results in an org with eleven agents and eight campaigns and about as many outbound as inbound calls."""
SMALL_ORGS = 9
SMALL_SHARE = 100
"""The big org has so many times the calls of a small one."""
BIG = "big"
MARKER = "loaded.json"
MULTIPLIED = 5_000_000
"""From this many calls on, a tenth is imported and the rest is made of those; see `multiplied.py`."""
COPIES = 10


def schema() -> str:
    """The schema's revision, and a digest of its files, which may change until they are released."""
    files = sorted((FOLDER / "versions").glob("*.sql"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return f"{head()}-{digest[:12]}"


class Load(Struct, kw_only=True):
    """The parameters of a load; a folder with others does not fit."""

    count: int
    words: str
    real: bool
    """Whether real conversations were at hand."""
    small_orgs: int = SMALL_ORGS
    seed: int = SEED
    copies: int = 1
    """How many calls each imported one of the big org was made into."""
    schema: str = field(default_factory=schema)


class Marker(Struct, kw_only=True):
    """What is in a folder, once all of it is in."""

    load: Load
    headers: dict[str, dict[str, str]]
    """For each dialect the headers that open the big org."""
    import_seconds: float
    """How long the import into the big org took, while the calls were being made up beside it."""
    database_bytes: int


class Folder(Struct, kw_only=True):
    """A loaded folder."""

    home: Path
    marker: Marker


def count_of(size: str) -> int:
    """The number of calls that a size such as `10k` or `1m` means."""
    match = re.fullmatch(r"([1-9][0-9]*)([km]?)", size.lower())
    if match is None:
        raise ValueError(f"{size!r} is not a size such as 500, 10k or 1m")
    return int(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[match[2]]


def opened(size: str, *, words: str | None = None, data: Path = DATA, small_orgs: int = SMALL_ORGS) -> Folder:
    """The folder of a size, loaded if it is not there or does not fit."""
    count = count_of(size)
    load = Load(
        count=count,
        words=words or "source",
        copies=COPIES if count >= MULTIPLIED else 1,
        real=any(data.glob("*.jsonl.gz")),
        small_orgs=small_orgs,
    )
    home = Path(os.environ.get("BENCH_HOME", ROOT / "bench" / ".data")).resolve() / size.lower()
    marker = _marker(home)
    if marker is None or marker.load != load:
        if home.exists():
            shutil.rmtree(home)
        home.mkdir(parents=True)
        # In a process of its own, so that the database stops when it is done.
        command = ["-m", "bench.folder", str(home), msgspec.json.encode(load).decode(), str(data)]
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)  # noqa: S603
        marker = _marker(home)
    if marker is None:
        raise RuntimeError(f"{home} was not loaded")
    return Folder(home=home, marker=marker)


def _marker(home: Path) -> Marker | None:
    try:
        return msgspec.json.decode((home / MARKER).read_bytes(), type=Marker)
    except (OSError, msgspec.DecodeError):
        return None


# -- loading --------------------------------------------------------------


def _fill(home: Path, load: Load, data: Path) -> None:
    url = start_embedded(home)
    asyncio.run(migrate(url))
    seconds = _import(url, home, BIG, load.count // load.copies, load.seed, load.words, data)
    for number in range(1, load.small_orgs + 1):
        count = max(1, load.count // load.copies // SMALL_SHARE)
        _import(url, home, f"small-{number}", count, load.seed * 100 + number, load.words, data)
    trunkline(url, "index", "--json")
    if load.copies > 1:
        asyncio.run(multiply(url, BIG, load.copies))
    made = trunkline(url, "keys", "create", "--org", BIG, "--json")
    size = asyncio.run(_settle(url))
    marker = Marker(load=load, headers=made["headers"], import_seconds=round(seconds, 2), database_bytes=size)
    (home / MARKER).write_bytes(msgspec.json.format(msgspec.json.encode(marker)))


def _import(url: str, home: Path, org: str, count: int, seed: int, words: str, data: Path) -> float:
    """Make calls up and import them, by a pipe; answers how long it took."""
    print(f"loading {count:,} calls into {org}", file=sys.stderr, flush=True)
    options = ["--n", str(count), "--orgs", "1", "--seed", str(seed), "--words", words, "--data", str(data)]
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bench.calls", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as making:
        rejects = str(home / "rejects.jsonl")
        arguments = (
            "import",
            "/dev/stdin",
            "--org",
            org,
            "--dialect",
            "trunkline",
            "--rejects",
            rejects,
            "--json",
        )
        summary = trunkline(url, *arguments, stdin=making.stdout)
    if summary["stored"] != count:
        raise RuntimeError(f"{org} was to get {count} calls: {summary}")
    return time.perf_counter() - began


async def _settle(url: str) -> int:
    """Do what autovacuum would have done within minutes; answers the database's size."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
        return size
    finally:
        await connection.close()


def trunkline(url: str, *args: str, **options: Any) -> Any:
    """Run a command of ours on a database; answers the JSON that it prints last."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "trunkline", *args],
        cwd=ROOT,
        env={**os.environ, "TRUNKLINE_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        check=True,
        **options,
    )
    return msgspec.json.decode(done.stdout.splitlines()[-1])


def main() -> None:
    """Fill a folder for `opened`, or make the folder of a size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("size", help="such as 10k or 1m")
    parser.add_argument("load", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("data", nargs="?", type=Path, default=DATA, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load is None:
        print(opened(given.size).home)
    else:
        _fill(Path(given.size), msgspec.json.decode(given.load, type=Load), given.data)


if __name__ == "__main__":
    main()
