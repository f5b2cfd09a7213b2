"""Killing the server and PostgreSQL under load: what was acknowledged is there, and each call once.

`ROUNDS` says how often; each round kills one of the two at a random moment, while 32 senders send.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import MAX_WAIT_SECONDS, Server
from tests.embedded_servers import remove_home
from tests.store.embedded_processes import runs, wait_until
from tests.torture.senders import SECRET, SENDERS, Log, send_all
from trunkline.compose import services
from trunkline.settings import Settings
from trunkline.store.embedded import start_embedded, stop_embedded
from trunkline.store.migrations import migrate
from trunkline.store.totals.totals import differences

ROUNDS = int(os.environ.get("ROUNDS", "20"))
CALLS_PER_SENDER = 6


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="trunkline-torture-"))
    yield folder
    remove_home(folder)


class Torn:
    """A database and a server that are killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = start_embedded(home)
        asyncio.run(migrate(self.url))
        self.server = self._serve()

    def _serve(self, port: int | None = None) -> Server:
        log = self.home / "server.log"
        served = Server(self.url, log, port=port, TRUNKLINE_HOME=str(self.home), TRUNKLINE_LOG_LEVEL="error")
        served.wait_until_ready()
        return served

    def kill_server(self) -> None:
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait(MAX_WAIT_SECONDS)
        self.server = self._serve(self.server.port)

    def kill_database(self) -> None:
        """Kill the postmaster without a word; its children notice and end."""
        postmaster = int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        wait_until(lambda: not runs(postmaster), "it was not killed")
        assert start_embedded(self.home) == self.url
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                asyncio.run(_answers(self.url))
            except (OSError, asyncpg.PostgresError):
                continue
            return
        raise TimeoutError("the database did not come back")

    def stop(self) -> None:
        self.server.stop()
        stop_embedded(self.home)


async def _answers(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()


async def _added(url: str, home: Path, org: str) -> tuple[int, str]:
    settings = Settings(home=home)
    async with services(url, pool_size=1, settings=settings) as joined:
        source = await joined.sources.add(org, "callem", webhook_secrets=[SECRET])
        return source.org.id, source.address


async def _check(url: str, org_id: int, log: Log) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    try:
        kept = await pool.fetch("SELECT sha256(payload) AS hash FROM sightings WHERE org_id = $1", org_id)
        lost = log.acknowledged - {row["hash"] for row in kept}
        assert not lost, f"{len(lost)} acknowledged payloads are lost"
        rows = await pool.fetch(
            "SELECT vendor_call_id, status, duration_ms, change FROM calls WHERE org_id = $1", org_id
        )
        found = {row["vendor_call_id"]: row["duration_ms"] for row in rows}
        assert len(rows) == len(found) == len(log.ends)
        assert found == {call_id: round(seconds * 1000) for call_id, seconds in log.ends.items()}
        assert {row["status"] for row in rows} <= {"completed"}
        assert len({row["change"] for row in rows}) == len(rows)
        said = await pool.fetchval("SELECT count(*) FROM call_transcripts WHERE org_id = $1", org_id)
        assert said == len(rows)
        assert await differences(pool, org_id) == []
    finally:
        await pool.close()


async def _round(torn: Torn, address: str, rng: random.Random, victim: str) -> Log:
    log = Log()
    sending = asyncio.create_task(send_all(address, CALLS_PER_SENDER, rng, log))
    await asyncio.sleep(rng.uniform(0.05, 0.8))  # the random moment
    await asyncio.to_thread(torn.kill_server if victim == "server" else torn.kill_database)
    await sending
    return log


def test_no_acknowledged_call_is_lost_or_doubled_by_a_kill(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    rng = random.Random(seed)
    torn = Torn(home)
    calls = deliveries = refused = 0
    try:
        for number in range(1, ROUNDS + 1):
            victim = rng.choice(("server", "database"))
            org_id, address = asyncio.run(_added(torn.url, home, f"org-{number}"))
            log = asyncio.run(_round(torn, f"{torn.server.url}/hooks/{address}", rng, victim))
            asyncio.run(_check(torn.url, org_id, log))
            calls, deliveries, refused = calls + len(log.ends), deliveries + log.sent, refused + log.refused
            assert len(log.ends) == SENDERS * CALLS_PER_SENDER
    finally:
        unexpected = [line for line in torn.server.log.read_text().splitlines() if "not stored" not in line]
        sys.stdout.write("\n".join(unexpected)[-6000:])
        told = f"{number} rounds, {calls} calls, {deliveries} deliveries, {refused} refused or cut"
        with capsys.disabled():
            sys.stdout.write(f"\nseed {seed}: {told}\n")
        torn.stop()
