"""Pulls from vendors whose API we do not serve, as they document their lists, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec import structs

from tests.conftest import World
from tests.ingest.vendors import Answer, Puller, SmallVendor, small_vendor
from trunkline.ingest.pull import list_api
from trunkline.ingest.vendor_client import PullStopped
from trunkline.kit.door import Door
from trunkline.model.query import CallFilter, Order, Rows
from trunkline.store.calls.reads import CallStore

CALLS = 260
NEWEST = datetime(2026, 3, 2, 11, tzinfo=UTC)


class Made:
    """One call of a vendor: many begin in the same second."""

    def __init__(self, number: int) -> None:
        self.id = f"call-{number:04d}"
        self.at = NEWEST - timedelta(seconds=number // 7)
        self.over = True

    @property
    def ms(self) -> int:
        return int(self.at.timestamp() * 1000)


class Framework(SmallVendor):
    """Lists its calls newest first; a call in full is had one at a time."""

    vendor: str

    def __init__(self) -> None:
        super().__init__()
        self.made = [Made(number) for number in range(CALLS)]
        self.fetched: list[str] = []

    def whole(self, name: str) -> Made:
        self.fetched.append(name)
        return next(one for one in self.made if one.id == name)

    def in_order(self) -> list[Made]:
        return sorted(self.made, key=lambda one: (one.at, one.id), reverse=True)


class Retell(Framework):
    vendor = "retell"

    def __init__(self) -> None:
        super().__init__()
        self.key_header = ("authorization", "Bearer k")

    def answer_to_post(self, path: str, body: bytes) -> Answer:
        assert path == "/v3/list-calls"
        if self.otherwise:
            return self.otherwise.pop(0)
        asked = json.loads(body)
        bound = asked.get("filter_criteria", {}).get("start_timestamp", {"op": "ge", "value": 0})
        assert bound["op"] == "ge"
        listed = [one for one in self.in_order() if one.ms >= bound["value"]]
        names = [one.id for one in listed]
        at = names.index(asked["pagination_key"]) + 1 if "pagination_key" in asked else 0
        page = listed[at : at + asked["limit"]]
        more = at + len(page) < len(listed)
        answer = {"items": [self._line(one) for one in page], "has_more": more}
        if more:
            answer["pagination_key"] = page[-1].id
        return 200, {}, json.dumps(answer).encode()

    def answer(self, path: str) -> Answer:
        one = self.whole(path.removeprefix("/v2/get-call/"))
        turns = [{"role": "agent", "content": f"This is {one.id}.", "words": []}]
        return 200, {}, json.dumps({**self._line(one), "transcript_object": turns}).encode()

    def _line(self, one: Made) -> dict[str, Any]:
        line = {
            "call_id": one.id,
            "call_type": "web_call",
            "call_status": "ended" if one.over else "ongoing",
            "start_timestamp": one.ms,
        }
        return {**line, "end_timestamp": one.ms + 5000} if one.over else line


class Vapi(Framework):
    vendor = "vapi"

    def __init__(self) -> None:
        super().__init__()
        self.key_header = ("authorization", "Bearer k")

    def answer(self, path: str) -> Answer:
        if self.otherwise:
            return self.otherwise.pop(0)
        parts = urlsplit(path)
        if parts.path != "/call":
            one = self.whole(parts.path.removeprefix("/call/"))
            said = {"messages": [{"role": "bot", "message": f"This is {one.id}.", "secondsFromStart": 1}]}
            return 200, {}, json.dumps({**self._line(one), "artifact": said}).encode()
        asked = dict(parse_qsl(parts.query))
        low, high = (asked.get(name, usual) for name, usual in (("createdAtGe", "0"), ("createdAtLe", "9")))
        listed = [self._line(one) for one in self.in_order()]
        page = [line for line in listed if low <= line["createdAt"] <= high][: min(int(asked["limit"]), 100)]
        return 200, {}, json.dumps(page).encode()

    def _line(self, one: Made) -> dict[str, Any]:
        line = {
            "id": one.id,
            "type": "webCall",
            "status": "ended" if one.over else "in-progress",
            "createdAt": one.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
        return {**line, "endedReason": "customer-ended-call"} if one.over else line


class ElevenLabs(Framework):
    vendor = "elevenlabs"

    def __init__(self) -> None:
        super().__init__()
        self.key_header = ("xi-api-key", "k")

    def answer(self, path: str) -> Answer:
        if self.otherwise:
            return self.otherwise.pop(0)
        parts = urlsplit(path)
        place = "/v1/convai/conversations"
        if parts.path != place:
            one = self.whole(parts.path.removeprefix(f"{place}/"))
            said = [{"role": "agent", "message": f"This is {one.id}.", "time_in_call_secs": 1}]
            meta = {"start_time_unix_secs": one.ms // 1000, "call_duration_secs": 5}
            whole = {"agent_id": "a", "conversation_id": one.id, "transcript": said, "metadata": meta}
            return 200, {}, json.dumps({**whole, "status": "done" if one.over else "in-progress"}).encode()
        asked = dict(parse_qsl(parts.query))
        low = int(asked.get("call_start_after_unix", "0"))
        listed = [one for one in self.in_order() if one.ms // 1000 > low]
        at = int(asked.get("cursor", "0"))
        page = listed[at : at + int(asked["page_size"])]
        more = at + len(page) < len(listed)
        answer = {
            "conversations": [self._line(one) for one in page],
            "has_more": more,
            "next_cursor": str(at + len(page)) if more else None,
        }
        return 200, {}, json.dumps(answer).encode()

    def _line(self, one: Made) -> dict[str, Any]:
        return {
            "agent_id": "a",
            "conversation_id": one.id,
            "start_time_unix_secs": one.ms // 1000,
            "call_duration_secs": 5 if one.over else 0,
            "message_count": 1,
            "status": "done" if one.over else "in-progress",
        }


FRAMEWORKS: list[Callable[[], Framework]] = [Retell, Vapi, ElevenLabs]


@pytest.fixture(params=FRAMEWORKS, ids=["retell", "vapi", "elevenlabs"])
def pulled(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[Puller, Framework]]:
    framework: Framework = request.param()
    serving: AbstractContextManager[SmallVendor] = small_vendor(framework)
    with serving:
        puller = Puller(world, framework.vendor, framework.url, {"api_key": "k"})
        puller.door = with_pages_of(100, puller.door)
        yield puller, framework


def with_pages_of(size: int, door: Door) -> Door:
    """The door, with so many calls on a page; none has many more calls here than that."""
    api: Any = list_api(door)
    return structs.replace(door, list_api=structs.replace(api, paging=structs.replace(api.paging, size=size)))


def held(world: World, text: str | None = None) -> list[str]:
    asked = CallFilter(transcript_text=text)
    page = world.run(
        CallStore(world.joined.pool).page(
            world.org.id, asked, Order(), Rows(1000, 0), with_total=True, with_transcript=False
        )
    )
    assert page.total == len(page.calls)
    return sorted(encoded.call().vendor_call_id for encoded in page.calls)


ALL = sorted(Made(number).id for number in range(CALLS))


def test_everything_that_is_listed_comes_once_and_in_full(pulled: tuple[Puller, Framework]) -> None:
    puller, framework = pulled
    total = puller.pull()
    assert total.new == CALLS
    assert total.unreadable == {}
    assert held(puller.world) == held(puller.world, "this is call-") == ALL
    assert set(framework.fetched) == set(ALL)


def test_a_second_pull_requests_again_what_was_open_or_changed_and_for_nothing_else(
    pulled: tuple[Puller, Framework],
) -> None:
    puller, framework = pulled
    framework.made[3].over = False
    puller.pull()
    framework.fetched.clear()
    framework.made[3].over = True
    total = puller.pull()
    assert (total.new, total.changed) == (0, 1)
    assert framework.fetched == [framework.made[3].id]
    ended = puller.world.get(
        "trunkline", "/v1/calls", params={"status": "completed", "page_size": 500}
    ).json()
    assert sorted(one["vendor_call_id"] for one in ended["calls"]) == ALL


def test_a_pull_that_is_broken_off_goes_on_where_it_was(
    pulled: tuple[Puller, Framework], monkeypatch: pytest.MonkeyPatch
) -> None:
    puller, framework = pulled
    take = puller.commits.ingest
    pages: list[int] = []

    async def cut(*args: Any) -> Any:
        done = await take(*args)
        pages.append(len(done))
        if len(pages) == 2:
            raise ConnectionError("the process ends here")
        return done

    monkeypatch.setattr(puller.commits, "ingest", cut)
    with pytest.raises(ConnectionError):
        puller.pull()
    assert 0 < len(held(puller.world)) < CALLS
    framework.fetched.clear()
    puller.pull()
    assert held(puller.world) == ALL
    assert len(framework.fetched) < CALLS


def test_a_vendor_that_says_when_to_come_back_is_tried_then(pulled: tuple[Puller, Framework]) -> None:
    puller, framework = pulled
    framework.otherwise = [(429, {"retry-after": "7"}, b"{}"), (503, {}, b"{}")]
    assert puller.pull().new == CALLS
    assert 7.0 in puller.waits


def test_a_wrong_key_stops_the_pull_at_once(pulled: tuple[Puller, Framework]) -> None:
    puller, framework = pulled
    framework.key_header = ("x-nobody-sends-this", "k")
    framework.otherwise = [(401, {}, b"{}")]
    with pytest.raises(PullStopped, match="401"):
        puller.pull()
    assert held(puller.world) == []
