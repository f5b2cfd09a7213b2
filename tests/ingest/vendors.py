"""Vendors to pull from: a small one that misbehaves on request, and sources in an org of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from tests.conftest import World
from trunkline.ingest.pull import Pull, PullSummary, list_api
from trunkline.ingest.vendor_client import VendorClient
from trunkline.ingest.webhooks import Webhooks
from trunkline.kit.door import Door
from trunkline.kit.signatures import Delivery
from trunkline.model.intents import ReadLedger
from trunkline.model.ledger import LedgerPage
from trunkline.service.encryption import SecretBox
from trunkline.service.group_commit import GroupCommit
from trunkline.service.intake import Intake
from trunkline.service.ledger import Ledger
from trunkline.service.run import OUR_IDS
from trunkline.service.sources import Source, Sources
from trunkline.store.inbox import InboxStore
from trunkline.store.keys import KeyStore
from trunkline.store.ledger import LedgerStore
from trunkline.store.pulls import PullStore
from trunkline.store.sources import SourceStore
from trunkline.vendors import doors

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

Answer = tuple[int, dict[str, str], bytes]


def call(name: str, minutes_ago: float = 60, **more: Any) -> dict[str, Any]:
    """A call in our own form, created so long before NOW and over after a minute."""
    created_at = NOW - timedelta(minutes=minutes_ago)
    said = {"status": "completed", "created_at": created_at.isoformat()}
    said["ended_at"] = (created_at + timedelta(minutes=1)).isoformat()
    return {"vendor": "elsewhere", "vendor_call_id": name, **said, **more}


class SmallVendor:
    """Lists calls in our own form over real HTTP, two on a page; other answers may be set to come first."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.otherwise: list[Answer] = []
        self.queries: list[dict[str, str]] = []
        self.page_size = 2
        self.before_page: Callable[[], None] = lambda: None
        self.url = ""
        self.key_header: tuple[str, str] | None = None
        """What a request must have, if anything."""

    def answer_to_post(self, path: str, body: bytes) -> Answer:
        return 405, {}, b"{}"

    def answer(self, path: str) -> Answer:
        query = dict(parse_qsl(urlsplit(path).query))
        self.queries.append(query)
        if self.otherwise:
            return self.otherwise.pop(0)
        self.before_page()
        at = int(query.get("page_token", "0"))
        low, high = query.get("created_from", ""), query.get("created_to", "9")
        listed = [one for one in self.calls if low <= _created(one) <= high]
        page = listed[at : at + self.page_size]
        token = str(at + self.page_size) if at + self.page_size < len(listed) else None
        return 200, {}, json.dumps({"calls": page, "next_page_token": token}).encode()


@contextmanager
def small_vendor(vendor: SmallVendor | None = None) -> Iterator[SmallVendor]:
    serves = vendor or SmallVendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.told(serves.answer_to_post(self.path, self.rfile.read(int(self.headers["content-length"]))))

        def do_GET(self) -> None:
            if serves.key_header and self.headers.get(serves.key_header[0]) != serves.key_header[1]:
                self.told((401, {}, b"{}"))
            else:
                self.told(serves.answer(self.path))

        def told(self, answer: Answer) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serves.url = f"http://127.0.0.1:{serving.server_port}"
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield serves
    finally:  # a thread that serves on would keep the test run from ending, and so its database
        serving.shutdown()
        thread.join()
        serving.server_close()


class Puller:
    """Pulls into an org from one source, by a clock that the test sets; waits are recorded and not waited."""

    def __init__(
        self, world: World, vendor: str, base_url: str, credential: dict[str, str], made_at: datetime = NOW
    ) -> None:
        self.world = world
        self.now = made_at
        self.waits: list[float] = []
        self._seconds = 0.0
        self.door: Door = doors()[vendor]
        pool = world.joined.pool
        sources = Sources(
            SourceStore(pool), KeyStore(pool), doors(), SecretBox(lambda: "s" * 32), self._clock
        )
        adding = sources.add(world.name, vendor, credential=credential, base_url=base_url)
        self.source: Source = world.run(adding)
        self.commits = GroupCommit(Intake(world.joined.writer, self._clock))
        self.webhooks = Webhooks(sources, doors(), self.commits, self._clock)
        self.ledger = Ledger(LedgerStore(pool), InboxStore(pool), self._clock)
        self.store = PullStore(world.joined.pool, world.org.id, UUID(self.source.id))

    @classmethod
    def of(cls, world: World, theirs: World, vendor: str, url: str) -> Puller:
        """Pulls from another org of a running server that speaks the vendor's dialect."""
        api = list_api(doors()[vendor])
        worn = [value.removeprefix("Bearer ") for value in theirs.headers[vendor].values()]
        return cls(world, vendor, f"{url}/{vendor}", dict(zip(api.credential, worn, strict=True)))

    @classmethod
    def small(cls, world: World, vendor: SmallVendor, made_at: datetime = NOW) -> Puller:
        return cls(world, "trunkline", vendor.url, {"api_key": "tl_x"}, made_at)

    def _clock(self) -> datetime:
        return self.now

    def deliver(self, *calls: dict[str, Any]) -> None:
        """A webhook that speaks of some calls."""
        for one in calls:
            delivery = Delivery(body=json.dumps(one).encode(), headers={}, url="")
            self.world.run(self.webhooks.ingest(self.source, delivery))

    def read_ledger(self, **asked: Any) -> LedgerPage:
        return self.world.run(self.ledger.page(self.world.org, ReadLedger(**asked), OUR_IDS))

    def _later(self) -> float:
        self._seconds += 3600.0
        return self._seconds

    async def _slept(self, seconds: float) -> None:
        self.waits.append(seconds)

    def pull(self, since: datetime | None = None, until: datetime | None = None) -> PullSummary:
        return self.world.run(self._pull(since, until))

    async def _pull(self, since: datetime | None, until: datetime | None) -> PullSummary:
        api = list_api(self.door)
        assert self.source.credential is not None
        assert self.source.base_url is not None
        asker = VendorClient(
            self.source.base_url,
            api.headers(self.source.credential),
            api.requests_per_minute,
            clock=self._clock,
            monotonic=self._later,
            sleep=self._slept,
        )
        async with asker:
            work = Pull(self.source, self.door, self.commits, self.store, asker, self._clock)
            return await work.run(since, until)


def _created(one: Any) -> str:
    """When a call was created; one without a time is in every range."""
    created_at: str = one.get("created_at", "5") if isinstance(one, dict) else "5"
    return created_at
