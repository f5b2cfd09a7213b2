"""Recordings: downloaded from a vendor over real HTTP, stored, and served by our links."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import MAX_WAIT_SECONDS, Background, Server, World
from trunkline.compose import Services
from trunkline.ingest import safe_download
from trunkline.ingest.safe_download import Downloader, DownloadFailed, Limits, is_public
from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status
from trunkline.service.recordings import LinkRefused, Links
from trunkline.store.jobs import JobStore
from trunkline.store.recordings import RECORDING, RecordingStore, recorded_calls
from trunkline.vendors import dialects

SOUND = bytes(range(256)) * 4096
CALL_ID = "0b0e6e0e-3c1e-4f51-9d4f-5d4b3c2a1f00"


class Vendor:
    """A vendor's file server: the answers are set by path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failures = 0
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor.asked.append((self.path, self.headers["host"]))
                if self.path.startswith("/moved/"):
                    self.send_response(302)
                    self.send_header("location", self.path.removeprefix("/moved/"))
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                if vendor.failures:
                    vendor.failures -= 1
                    self.send_error(503)
                    return
                if self.path == "/gone.wav":
                    self.send_error(404)
                    return
                self.send_response(200)
                page = self.path == "/page"
                self.send_header("content-type", "text/html" if page else "audio/wav")
                self.send_header("content-length", str(len(SOUND)))
                self.end_headers()
                self.wfile.write(SOUND)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    served = Vendor()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture(scope="module")
def archiver_of(
    embedded_url: str, background: Background, joined: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    # Calls of earlier tests have links that lead nowhere, and would be downloaded first.
    seen = """
        INSERT INTO followers (org_id, name, change) SELECT org_id, 'recordings', n FROM change_sequences
        ON CONFLICT (org_id, name) DO UPDATE SET change = excluded.change
    """
    background.run(joined.pool.execute(seen))
    log = tmp_path_factory.mktemp("keeping") / "server.log"
    served = Server(
        embedded_url,
        log,
        TRUNKLINE_ARCHIVE_RECORDINGS="true",
        TRUNKLINE_FETCH_PRIVATE="true",
        TRUNKLINE_MAX_RECORDING_BYTES=str(len(SOUND)),
    )
    served.wait_until_ready()
    yield served
    served.stop()


def recorded(world: World, url: str, call_id: str = CALL_ID, status: Status = Status.COMPLETED) -> None:
    said = Sighting(
        vendor="contactship",
        vendor_call_id=call_id,
        status=status,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        recording=Recording(enabled=True, url=url),
    )
    world.see([said])


def wait_for(world: World, state: str) -> Any:
    """Wait until the org's one recording is in a state."""
    store = RecordingStore(world.joined.pool)
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        found = world.run(store.listed(world.org.id, state, 10))
        if found:
            return found[0]
    raise TimeoutError(f"{state}: {world.run(store.listed(world.org.id, None, 10))}")


def link(world: World, server: Server) -> str:
    call = world.get("trunkline", f"/v1/calls/{CALL_ID}").json()
    url: str = call["recording"]["url"]
    return f"{server.url}/{url.partition('//')[2].partition('/')[2]}"


def test_a_recording_is_stored_and_every_dialect_prints_our_link(
    world: World, vendor: Vendor, archiver_of: Server
) -> None:
    url = f"{vendor.url}/call.wav"
    recorded(world, url)
    wait_for(world, "stored")
    ours = link(world, archiver_of)
    told = world.get("trunkline", f"/v1/calls/{CALL_ID}").json()["recording"]
    assert told["stored"] is True
    assert told["original_url"] == url
    for name in ("contactship", "zudu", "butter", "trunkline"):
        text = world.get(name, dialects()[name].operations[0].path).text
        if name == "butter":  # its list does not print links
            printed_id = world.get(name, "/api/calls").json()["data"][0]["call_sid"]
            text = world.get(name, f"/api/calls/{printed_id}").text
        assert "/recordings/" in text, name
        if name != "trunkline":
            assert url not in text, name
    whole = httpx2.get(ours)
    assert whole.status_code == 200
    assert whole.content == SOUND
    assert whole.headers["content-type"] == "audio/wav"


def test_an_export_has_our_link_beside_the_vendors(world: World, vendor: Vendor, archiver_of: Server) -> None:
    url = f"{vendor.url}/call.wav"
    recorded(world, url)
    wait_for(world, "stored")
    (line,) = world.get("trunkline", "/v1/calls:export").text.splitlines()
    listed = world.get("trunkline", f"/v1/calls/{CALL_ID}").json()["recording"]
    assert json.loads(line)["recording"] == listed
    assert httpx2.get(link(world, archiver_of)).content == SOUND
    table = world.get("trunkline", "/v1/calls:export", params={"format": "csv"}).text
    assert listed["url"] in table


def test_recordings_are_looked_for_in_calls_that_are_over(world: World, joined: Services) -> None:
    def found() -> set[str]:
        calls = world.run(recorded_calls(joined.pool, world.org.id, 0, 1000))
        return {call.vendor_call_id for call in calls}

    recorded(world, "https://example.com/call.wav", status=Status.IN_PROGRESS)
    recorded(world, "https://example.com/other.wav", call_id="over")
    world.see([Sighting(vendor="contactship", vendor_call_id="silent", status=Status.COMPLETED)])
    assert found() == {"over"}
    recorded(world, "https://example.com/call.wav")
    assert found() == {"over", CALL_ID}


def test_a_recording_is_served_in_ranges(world: World, vendor: Vendor, archiver_of: Server) -> None:
    recorded(world, f"{vendor.url}/call.wav")
    wait_for(world, "stored")
    ours = link(world, archiver_of)
    head = httpx2.head(ours)
    assert head.headers["content-length"] == str(len(SOUND))
    assert head.content == b""
    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-600000", 10, 600_000),
        ("bytes=1000-", 1000, len(SOUND) - 1),
        ("bytes=-7", len(SOUND) - 7, len(SOUND) - 1),
        ("bytes=5-99999999", 5, len(SOUND) - 1),
    ):
        part = httpx2.get(ours, headers={"range": asked})
        assert part.status_code == 206, asked
        assert part.content == SOUND[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(SOUND)}"
    for asked in ("bytes=99999999-", "bytes=5-4", "bytes=-0", "bytes=a-b"):
        assert httpx2.get(ours, headers={"range": asked}).status_code == 416, asked
    other = httpx2.get(ours, headers={"range": "bytes=0-0", "if-range": '"another"'})
    assert other.content == SOUND
    assert httpx2.get(ours, headers={"if-none-match": head.headers["etag"]}).status_code == 304


def test_a_link_with_any_letter_changed_leads_nowhere(
    world: World, vendor: Vendor, archiver_of: Server
) -> None:
    recorded(world, f"{vendor.url}/call.wav")
    wait_for(world, "stored")
    ours = link(world, archiver_of)
    base, _, token = ours.rpartition("/")
    with httpx2.Client() as client:
        for place in range(len(token)):
            other = token[:place] + ("1" if token[place] != "1" else "2") + token[place + 1 :]
            assert client.get(f"{base}/{other}").status_code == 404, other


def test_a_link_ends(world: World) -> None:
    now = [datetime(2026, 3, 1, 23, 59, tzinfo=UTC)]
    links = Links("http://here", lambda: "a key", lambda: now[0])
    token = links.url(world.org.id, CALL_ID).rpartition("/")[2]
    assert str(links.read(token).call_id) == CALL_ID
    now[0] += timedelta(days=1)
    assert links.read(token).org_id == world.org.id
    now[0] += timedelta(minutes=1)
    with pytest.raises(LinkRefused) as refused:
        links.read(token)
    assert refused.value.over
    with pytest.raises(LinkRefused):
        Links("http://here", lambda: "another key", lambda: now[0]).read(token)


def test_what_fails_is_tried_again_and_what_cannot_succeed_is_not(
    new_world: Callable[..., World], vendor: Vendor, archiver_of: Server
) -> None:
    busy, gone, page = new_world(), new_world(), new_world()
    vendor.failures = 1
    recorded(busy, f"{vendor.url}/busy.wav")
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not (waiting := wait_for(busy, "waiting")).problem:
        assert time.monotonic() < deadline
    assert "503" in waiting.problem
    assert waiting.next_try_at > datetime.now(UTC)
    assert busy.run(JobStore(busy.joined.pool).retry(busy.org.id, RECORDING, datetime.now(UTC))) == 1
    wait_for(busy, "stored")
    recorded(gone, f"{vendor.url}/gone.wav")
    assert "404" in wait_for(gone, "failed").problem
    recorded(page, f"{vendor.url}/page")
    assert "text/html" in wait_for(page, "failed").problem
    assert gone.get("trunkline", f"/v1/calls/{CALL_ID}").json()["recording"]["url"].endswith("/gone.wav")


def test_a_call_that_is_deleted_loses_its_recording(
    world: World, vendor: Vendor, archiver_of: Server
) -> None:
    recorded(world, f"{vendor.url}/call.wav")
    wait_for(world, "stored")
    ours = link(world, archiver_of)
    assert world.run(world.joined.eraser.erase(world.org.id, CALL_ID))
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while httpx2.get(ours).status_code == 200:
        assert time.monotonic() < deadline
    home = Path(os.environ["TRUNKLINE_HOME"]) / "recordings" / str(world.org.id)
    while any(home.rglob(CALL_ID)):
        assert time.monotonic() < deadline


# -- fetching -------------------------------------------------------------


def fetched(url: str, *addresses: str, private: bool = False, most_bytes: int = 10**9) -> bytes:
    async def resolve(_: str, __: int) -> list[str]:
        return list(addresses)

    async def run() -> bytes:
        fetcher = Downloader(Limits(max_bytes=most_bytes, allow_private=private), resolve)
        return b"".join([part async for part in fetcher.download(url, lambda _: None)])

    return asyncio.run(run())


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.1.2.3", "100.64.0.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("224.0.0.1", "ff02::1", "255.255.255.255", "not an address"),
    ],
)
def test_no_private_address_is_requested(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(DownloadFailed, match="not a public address"):
        fetched("http://recordings.example/x.wav", "93.184.216.34", address)


def test_names_of_examples_are_known() -> None:
    for host in ("example.com", "recordings.example.org", "a.test", "EXAMPLE.NET", "x.invalid:80"):
        assert safe_download.is_example(f"https://{host}/x.wav"), host
    for host in ("example.com.evil.net", "examples.com", "mytest", "127.0.0.1", "", "["):
        assert not safe_download.is_example(f"https://{host}/x.wav"), host


def test_the_address_that_was_checked_is_the_one_that_is_used(vendor: Vendor) -> None:
    port = vendor.server.server_port
    got = fetched(f"http://recordings.example:{port}/pinned.wav", "127.0.0.1", private=True)
    assert got == SOUND
    assert vendor.asked[-1] == ("/pinned.wav", f"recordings.example:{port}")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://recordings.example/x.wav", "file:///etc/passwd", "http://u:p@recordings.example/x.wav"),
        *("gopher://recordings.example", "http:///x", "x.wav", "http://[::1", "data:audio/wav,abc"),
    ],
)
def test_no_other_kind_of_link_is_followed(url: str) -> None:
    with pytest.raises(DownloadFailed):
        fetched(url, "93.184.216.34")


def test_redirects_are_followed_a_few_times_and_checked_each_time(vendor: Vendor) -> None:
    port = vendor.server.server_port
    host = f"http://recordings.example:{port}"
    assert fetched(f"{host}/moved/{host}/x.wav", "127.0.0.1", private=True) == SOUND
    with pytest.raises(DownloadFailed, match="redirects"):
        fetched(f"{host}/moved/{host}/moved/{host}/moved/{host}/moved/{host}/x", "127.0.0.1", private=True)
    with pytest.raises(DownloadFailed, match="http and https"):
        fetched(f"{host}/moved/file:///etc/passwd", "127.0.0.1", private=True)


def test_a_redirect_into_a_private_range_is_not_followed(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = vendor.server.server_port
    # The vendor's own address counts as public here; where it sends us does not.
    monkeypatch.setattr(safe_download, "is_public", lambda address: address == "127.0.0.1")

    async def resolve(host: str, _: int) -> list[str]:
        return ["127.0.0.1"] if host == "recordings.example" else ["169.254.169.254"]

    async def run() -> None:
        fetcher = Downloader(Limits(max_bytes=10**9), resolve)
        url = f"http://recordings.example:{port}/moved/http://metadata.example/secret"
        async for _ in fetcher.download(url, lambda _: None):
            pass

    with pytest.raises(DownloadFailed, match=r"metadata\.example is not a public address"):
        asyncio.run(run())


def test_a_recording_that_is_too_large_is_broken_off(vendor: Vendor) -> None:
    url = f"http://recordings.example:{vendor.server.server_port}/x.wav"
    with pytest.raises(DownloadFailed, match="more than"):
        fetched(url, "127.0.0.1", private=True, most_bytes=len(SOUND) - 1)
