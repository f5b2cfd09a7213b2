"""What one org can do to the others: a quiet org beside a hostile one, and the longest that anybody waits.

    python -m bench.fairness                 measures, on an empty database of its own
    python -m bench.fairness hostile PORT    with the headers of a key as JSON on standard input
    python -m bench.fairness watch PORT      until standard input ends

The last two are processes of their own, so that nothing of the measuring process is measured. The hostile org
posts in bulk, asks for a lot, and takes nothing of what it asked for, until it is ended. The watcher asks for
`/healthz` over and over, and prints as JSON when it asked and how many seconds each answer took.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from bench.calls import DATA, Options, make_lines
from bench.client import HOST, post_bytes, request_bytes, send
from bench.doors import ENCRYPTION_KEY, SECRET
from bench.processes import Server, ours
from bench.ratios import ALONE, BESIDE, OURS, named
from bench.results import ROOT, Row, row_of, sample_of
from bench.writes import scratch
from trunkline.compose import services
from trunkline.ingest.payload_reader import file_forms, received_from
from trunkline.service.calls import Org
from trunkline.settings import Settings
from trunkline.store.embedded import start_embedded

CALLS = 2000
"""That each org has to begin with."""
SUPPLY = 2000
"""How many requests of the quiet org are ready for each second."""
POSTING, READING, STALLED = 4, 32, 50
"""Clients of the hostile org, by what they do."""
TURNS, BATCH = 250_000, 1000
"""Turns of one long call, and calls of one large batch."""
FEW_TURNS = 10_000
"""Turns of a call that is long enough for a run that only looks whether it works."""
SECONDS = 5.0
"""That the quiet org is measured for, alone and beside the hostile one."""
MAX_ANSWER_SECONDS = 300.0
_LIST = "/trunkline/v1/calls"
_EXPORT = f"{_LIST}:export"


def rows(url: str, data: Path, seconds: float, log: Path) -> list[Row]:
    """Measure a quiet org alone and beside a hostile one, then how long anybody waits for what is long."""

    async def prepared(own: str, environment: Mapping[str, str]) -> tuple[list[dict[str, str]], str]:
        async with services(own, settings=Settings.read(environment)) as joined:
            keys = []
            for number, name in enumerate(("quiet", "hostile")):
                keys.append((await joined.keys.create(name)).headers["trunkline"])
                lines = make_lines(Options(CALLS, orgs=1, seed=3000 + number, days=30, data=data))
                form = file_forms()["trunkline"]
                batch = [received_from(form, msgspec.json.decode(line)) for line in lines]
                await joined.intake.ingest(Org(await joined.keys.org_id(name), name), batch, "bench")
            source = await joined.sources.add("hostile", "retell", webhook_secrets=[SECRET])
            return keys, f"/hooks/{source.address}"

    async def run() -> list[Row]:
        async with scratch(url, "fairness") as own:
            environment = {
                "TRUNKLINE_DATABASE_URL": own,
                "TRUNKLINE_HOME": str(log.parent),
                "TRUNKLINE_ENCRYPTION_KEY": ENCRYPTION_KEY,
                "TRUNKLINE_ARCHIVE_RECORDINGS": "false",
            }
            (quiet, hostile), hook = await prepared(own, environment)
            with ours(1, environment, log) as server:
                await asyncio.to_thread(server.wait, "/readyz", {})
                found = await asyncio.to_thread(_beside, server, quiet, hostile, data, seconds, log)
                return found + await asyncio.to_thread(_waits, server, hostile, hook, seconds)

    return asyncio.run(run())


# -- a quiet org beside a hostile one -------------------------------------


def _beside(
    server: Server,
    quiet: Mapping[str, str],
    hostile: Mapping[str, str],
    data: Path,
    seconds: float,
    log: Path,
) -> list[Row]:
    _ask(server, quiet, [("GET", _EXPORT, None)])  # from then on the process for large requests runs
    feeds = [list(_feed(quiet, data, seconds, seed)) for seed in (1, 2)]
    alone = _row(server, ALONE, iter(feeds[0]), seconds)
    with log.open("ab") as out:
        process = _beside_us("hostile", server, out)
    try:
        assert process.stdin is not None  # noqa: S101 it was asked for
        process.stdin.write(msgspec.json.encode(hostile))
        process.stdin.close()
        time.sleep(min(seconds, 2.0))  # until it is in full swing
        beside = _row(server, BESIDE, iter(feeds[1]), seconds)
        if process.poll() is not None:
            beside.problem = "the hostile org gave up"
    finally:
        process.kill()
        process.wait()
    beside.note = (
        f"{POSTING} clients post {BATCH} calls at a time, {READING} read large pages, {STALLED} readers stall"
    )
    return [alone, beside]


def _row(server: Server, name: str, feed: Iterator[bytes], seconds: float) -> Row:
    return row_of(named(OURS, 1), name, send(server.port, [feed], seconds=seconds), connections=1)


def _feed(headers: Mapping[str, str], data: Path, seconds: float, seed: int) -> Iterator[bytes]:
    """What a quiet org asks for: a page, a call that is reported, a search, and so on."""
    count = max(20, int(SUPPLY * seconds))
    lines = make_lines(Options(count, orgs=1, seed=3100 + seed, days=1, data=data, words="none"))
    reads = itertools.cycle(
        [f"{_LIST}?page_size=20&include_total=true", f"{_LIST}?page_size=5&include=turns"]
    )
    for line in lines:
        yield request_bytes(next(reads), headers)
        yield post_bytes(_LIST, headers, line)


# -- what is long ---------------------------------------------------------


def _waits(server: Server, headers: Mapping[str, str], hook: str, seconds: float) -> list[Row]:
    """How long somebody waits for `/healthz` while a long call, and a large batch, are sent and asked for."""
    turns = TURNS if seconds >= 1 else FEW_TURNS
    long = msgspec.json.encode(_call("long", turns))
    batch = msgspec.json.encode([_call(f"batch-{number}", 30) for number in range(BATCH)])
    (told,) = _ask(server, headers, [("POST", _LIST, long)])
    path = f"{_LIST}/{msgspec.json.decode(told)['id']}"
    changed = long.replace(b'"completed"', b'"busy"', 1)
    of_long: list[tuple[str, str, bytes | None]] = [
        ("POST", _LIST, long.replace(b'"long"', b'"longer"', 1)),
        ("POST", _LIST, long),
        ("POST", _LIST, changed),
        ("PATCH", path, b'{"analysis":{"summary":"It was long."}}'),
        ("POST", hook, _webhook(turns)),
        ("POST", hook, _webhook(turns)),
        ("GET", path, None),
        ("GET", f"{_LIST}:changes?include=turns&after=0", None),
        ("GET", f"{_LIST}?include=turns", None),
        ("GET", f"{_EXPORT}?format=csv", None),
        ("GET", f"{_EXPORT}?compression=zstd", None),
    ]
    of_batch: list[tuple[str, str, bytes | None]] = [
        ("POST", _LIST, batch),
        ("POST", _LIST, batch),
        ("POST", _LIST, batch.replace(b'"completed"', b'"busy"')),
        ("GET", f"{_LIST}?include=turns&page_size=500", None),
    ]
    return [
        _wait(server, headers, f"/healthz beside a call of {turns:,} turns", of_long),
        _wait(server, headers, f"/healthz beside a batch of {BATCH:,} calls", of_batch),
    ]


def _wait(
    server: Server, headers: Mapping[str, str], name: str, requests: list[tuple[str, str, bytes | None]]
) -> Row:
    took: list[tuple[float, str]] = []
    with _watched(server) as answers:
        began = time.monotonic()
        for method, path, body in requests:
            _ask(server, headers, [(method, path, body)])
            took.append(
                (time.monotonic(), f"{method} {path.partition('?')[2] or path.rpartition('/')[2][:20]}")
            )
    seconds = took[-1][0] - began
    latencies = [answer.seconds for answer in answers]
    row = row_of(named(OURS, 1), name, sample_of(latencies, seconds), connections=1)
    longest = max(answers, key=lambda answer: answer.seconds)
    during = next((name for ended, name in took if longest.at <= ended), took[-1][1])
    longest_ms = longest.seconds * 1000
    row.note = f"longest {longest_ms:.0f} ms, in {during}; {len(requests)} requests in {seconds:.1f} s"
    return row


class Answered(Struct):
    """One answer of `/healthz`."""

    at: float
    """Seconds of the machine's clock when it was asked for."""
    seconds: float


@contextmanager
def _watched(server: Server) -> Iterator[list[Answered]]:
    """What each of many requests for `/healthz` took meanwhile, known at the end."""
    answers: list[Answered] = []
    process = _beside_us("watch", server, subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101 it was asked for
        process.stdout.readline()  # once it has begun
        yield answers
        found, _ = process.communicate()
        answers += msgspec.json.decode(found, type=list[Answered])
    finally:
        process.kill()
        process.wait()


def watch(port: int, over: threading.Event) -> list[Answered]:
    """Ask for `/healthz` until it is over."""
    answers: list[Answered] = []
    with contextlib.closing(HTTPConnection(HOST, port, timeout=MAX_ANSWER_SECONDS)) as connection:
        while not over.wait(0.002):
            began = time.monotonic()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            answers.append(Answered(began, time.monotonic() - began))
            if len(answers) == 1:
                print(flush=True)
    return answers


def _beside_us(what: str, server: Server, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.fairness", what, str(server.port)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out)  # noqa: S603


def _ask(
    server: Server, headers: Mapping[str, str], requests: list[tuple[str, str, bytes | None]]
) -> list[bytes]:
    """Make requests one after another; raises `RuntimeError` for one that is refused."""
    answers = []
    connection = HTTPConnection(HOST, server.port, timeout=MAX_ANSWER_SECONDS)
    with contextlib.closing(connection):
        for method, path, body in requests:
            sent = {**headers, "content-type": "application/json"}
            if path.startswith("/hooks/") and body is not None:
                stamp = str(int(time.time() * 1000))
                digest = hmac.new(SECRET.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
                sent = {"content-type": "application/json", "x-retell-signature": f"v={stamp},d={digest}"}
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            answers.append(answer.read())
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path} answers {answer.status}: {answers[-1][:200]!r}")
    return answers


def _call(name: str, turns: int) -> dict[str, Any]:
    said = [
        {
            "role": "user" if number % 2 else "agent",
            "text": f"This is turn {number % 997} of a conversation, à peu près.",
            "start_ms": number * 100,
            "end_ms": number * 100 + 90,
        }
        for number in range(turns)
    ]
    started = {"status": "completed", "started_at": "2026-03-02T09:30:04Z"}
    return {"vendor": "bench", "vendor_call_id": name, **started, "turns": said}


def _webhook(turns: int) -> bytes:
    """A call with so many turns, as Retell reports one."""
    said = [{"role": one["role"], "content": one["text"]} for one in _call("hooked", turns)["turns"]]
    call = {"call_id": "hooked", "call_status": "ended", "transcript_object": said}
    return msgspec.json.encode({"event": "call_analyzed", "call": call})


# -- the hostile org ------------------------------------------------------


async def be_hostile(port: int, headers: Mapping[str, str]) -> None:
    """Ask for more than one's share, for ever."""
    bodies = [
        msgspec.json.encode([_call(f"bulk-{client}-{number}", 20) for number in range(BATCH)])
        for client in range(POSTING)
    ]
    large = request_bytes(f"{_LIST}?include=turns,words,tools&page_size=100", headers)
    clients = [_over_and_over(port, post_bytes(_LIST, headers, body)) for body in bodies]
    clients += [_over_and_over(port, large) for _ in range(READING)]
    clients += [_stalled(port, request_bytes(_EXPORT, headers)) for _ in range(STALLED)]
    await asyncio.gather(*clients)


async def _over_and_over(port: int, request: bytes) -> None:
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await asyncio.open_connection(HOST, port)
            with contextlib.closing(writer):
                while True:
                    writer.write(request)
                    await writer.drain()
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
                    await reader.readexactly(int(length))
        await asyncio.sleep(0.01)


async def _stalled(port: int, request: bytes) -> None:
    """Ask for everything, take the first bytes, and ask again once the server has hung up."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, port, limit=4096)
            with contextlib.closing(writer):
                writer.write(request)
                await reader.read(100)
                await asyncio.sleep(30)
        await asyncio.sleep(1)


def main(arguments: list[str]) -> None:
    """Be what the command line asks for."""
    if not arguments:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            for row in rows(start_embedded(home), DATA, SECONDS, home / "servers.log"):
                print(line_of(row))
        return
    what, port = arguments[0], int(arguments[1])
    if what == "hostile":
        asyncio.run(be_hostile(port, msgspec.json.decode(sys.stdin.buffer.read())))
        return
    over = threading.Event()

    def wait() -> None:
        sys.stdin.buffer.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(watch(port, over)))


def line_of(row: Row) -> str:
    """A row as one line."""
    figures = [f"p50 {row.p50_ms:.1f} ms", f"p95 {row.p95_ms:.1f} ms"] if row.p50_ms and row.p95_ms else []
    rate = [f"{row.per_second:,.0f} {row.unit}/s"] if row.per_second else []
    return "; ".join([f"{row.subject}: {row.name}", *rate, *figures, *filter(None, (row.note, row.problem))])


if __name__ == "__main__":
    main(sys.argv[1:])
