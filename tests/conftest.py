"""A real PostgreSQL, a real server over real HTTP, and orgs that are new for every test."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from hypothesis import settings

from tests.embedded_servers import remove_home
from tests.vendors import captures
from trunkline.compose import Services, services
from trunkline.model.call import Call
from trunkline.model.sighting import Sighting, sighting_of
from trunkline.service.calls import Org
from trunkline.service.intake import IngestSummary
from trunkline.service.received import Received, encoded
from trunkline.store.embedded import start_embedded
from trunkline.store.migrations import migrate
from trunkline.vendors import search

T = TypeVar("T")

# How long an example takes says how busy the machine is.
settings.register_profile("trunkline", deadline=None)
settings.load_profile("trunkline")

SHARED = Path(__file__).resolve().parents[2] / "shared"
MAX_WAIT_SECONDS = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write what tests compare with")
    parser.addoption(
        "--more-vendors",
        metavar="FOLDER",
        help="more vendors: code in vendors/, what tests read in tests/",
    )


def pytest_configure(config: pytest.Config) -> None:
    if more := config.getoption("--more-vendors"):
        search(Path(more) / "vendors")
        captures.FOLDERS.append(Path(more) / "tests")
    config.addinivalue_line("markers", "claim(*ids): the claims of claims.toml that the test proves")


@pytest.fixture(scope="session")
def update_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-goldens"))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real conversations are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="trunkline-"))
    os.environ["TRUNKLINE_HOME"] = str(home)  # nothing that a test does may touch the user's own folder
    url = start_embedded(home)
    asyncio.run(migrate(url))
    yield url
    remove_home(home)


class Background:
    """An event loop for the services that tests call directly."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._opened: list[Services] = []

    def open(self, database_url: str) -> Services:
        joined = self.run(self._stack.enter_async_context(services(database_url, pool_size=4)))
        self._opened.append(joined)
        return joined

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            try:
                return await work
            finally:
                for joined in self._opened:
                    await joined.notifier.flush()  # the loop does not run until the next call

        return self._runner.run(wait())

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def joined(background: Background, embedded_url: str) -> Services:
    return background.open(embedded_url)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server process and how to reach it."""

    def __init__(
        self, database_url: str, log: Path, *args: str, port: int | None = None, **environment: str
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        command = [sys.executable, "-m", "trunkline", "serve", "--port", str(self.port), *args]
        told = {
            **os.environ,
            "TRUNKLINE_DATABASE_URL": database_url,
            "TRUNKLINE_ARCHIVE_RECORDINGS": "false",  # the links of made-up calls lead nowhere
            **environment,
        }
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=told)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log.read_text()}")
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx2.TransportError:
                continue
        raise TimeoutError(self.log.read_text())

    def peak_kib(self) -> int:
        """The most memory that the process ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(MAX_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def server(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    served = Server(embedded_url, log, TRUNKLINE_HOSTS="calls.callem.test=callem,calls.zudu.test=zudu")
    served.wait_until_ready()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        yield client


class World:
    """One org of its own: its keys, its calls, and the ways to request them."""

    def __init__(self, name: str, background: Background, joined: Services, http: httpx2.Client) -> None:
        self.name = name
        self.joined = joined
        self._background = background
        self._http = http
        made = background.run(joined.keys.create(name))
        self.headers = made.headers
        self.key_id = made.id
        self.org = Org(background.run(joined.keys.org_id(name)), name)

    @property
    def url(self) -> str:
        return str(self._http.base_url).rstrip("/")

    def run(self, work: Awaitable[T]) -> T:
        return self._background.run(work)

    def take(self, calls: Sequence[Call]) -> IngestSummary:
        return self.see([sighting_of(call) for call in calls])

    def see(self, sightings: Sequence[Sighting]) -> IngestSummary:
        seen = [Received(sighting) for sighting in sightings]
        return self.run(self.joined.intake.ingest(self.org, seen, "test"))

    def take_payload(self, sighting: Sighting, payload: object) -> IngestSummary:
        seen = [Received(sighting, encoded(payload))]
        return self.run(self.joined.intake.ingest(self.org, seen, "test"))

    def get(self, dialect: str, path: str, **options: Any) -> httpx2.Response:
        """Ask under a dialect's prefix, with the org's key unless other headers are given."""
        headers = options.pop("headers", self.headers[dialect])
        return self._http.get(f"/{dialect}{path}", headers=headers, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self._http.request(method, path, **options)


@pytest.fixture(scope="session")
def new_world(background: Background, joined: Services, http: httpx2.Client) -> Callable[..., World]:
    def make(name: str | None = None) -> World:
        return World(name or f"org-{uuid.uuid4().hex[:12]}", background, joined, http)

    return make


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    return new_world()
