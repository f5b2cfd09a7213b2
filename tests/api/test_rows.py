"""The printer: a page is the same to the byte however it is printed, and shows our link of today."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from tests.api.events import following, reach
from tests.conftest import Background, World
from tests.vendors.conftest import some_calls
from trunkline.api.row_cache import RowCache
from trunkline.api.rows import Printer, encode_json
from trunkline.kit.dialect import Operation
from trunkline.kit.query import read_query
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.call import Recording
from trunkline.model.encoded_call import Chunk, EncodedCall
from trunkline.model.intents import CallPage, CallStream
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status
from trunkline.service.calls import Org
from trunkline.service.recordings import Links
from trunkline.vendors import dialects

ORG = Org(7, "acme")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = {
    "contactship": "include_transcript=true&include_words=true&include_tools=true",
    "trunkline": "include=turns,words,tools&include_total=true",
}
CALLS = [call for vendor in dialects() for call in some_calls(vendor, 4)]


class Clock:
    """A clock that stays the same until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def printer(clock: Clock | None = None, cache: RowCache | None = None) -> Printer:
    return Printer(Links("http://here", lambda: "a key", clock or Clock()), cache)


def lists(dialect: str) -> tuple[Operation, Any]:
    operation = dialects()[dialect].operations[0]
    return operation, read_query(EVERYTHING.get(dialect, "").encode(), operation.query)[0]


@pytest.mark.parametrize("count", [0, 1, len(CALLS)])
@pytest.mark.parametrize("dialect", sorted(dialects()))
def test_a_page_is_the_json_of_its_record_whether_rows_were_printed_before_or_not(
    dialect: str, count: int
) -> None:
    operation, query = lists(dialect)
    page = CallPage.of("acme", CALLS[:count], total=1234, has_more=count > 0)
    whole = encode_json(operation.answer_of(page, query))
    cached = printer(cache=RowCache(10**7))
    for one in (printer(), cached, cached):
        assert one.json(operation, ORG, page, query) == whole


@pytest.mark.parametrize("dialect", sorted(dialects()))
@given(cuts=st.sets(st.integers(0, len(CALLS))), has_more=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_page_that_comes_in_any_parts_has_the_same_bytes(
    dialect: str, cuts: set[int], has_more: bool, background: Background
) -> None:
    operation, query = lists(dialect)
    rows = operation.rows
    assert rows is not None
    if rows.fact is not None:
        return  # such a page is never printed part by part
    encoded = [EncodedCall.of(call) for call in CALLS]
    ends = sorted({0, *cuts, len(encoded)})
    parts = [encoded[start:end] for start, end in pairwise(ends)]

    async def coming() -> AsyncGenerator[Chunk, None]:
        for place, part in enumerate(parts):
            yield Chunk(part, 99, has_more or place < len(parts) - 1)

    async def printed() -> bytes:
        chunks = printer().json_chunks(rows, ORG, CallStream("acme", coming()), query)
        return b"".join([chunk async for chunk in chunks])

    page = CallPage(org="acme", calls=encoded, total=99, has_more=has_more)
    assert background.run(printed()) == printer().json(operation, ORG, page, query)


def test_a_row_has_the_link_of_the_day_and_of_the_org_of_the_key() -> None:
    clock = Clock()
    kept = printer(clock, RowCache(10**6))
    operation, query = lists("trunkline")
    theirs = "https://elsewhere.test/1.wav"
    call = structs.replace(CALLS[0], recording=Recording(enabled=True, url=theirs, stored=True))
    page = CallPage.of("acme", [call])

    def recording(org: Org = ORG) -> Any:
        return msgspec.json.decode(kept.json(operation, org, page, query))["calls"][0]["recording"]

    today = recording()
    assert today["original_url"] == theirs
    assert today["url"].startswith("http://here/recordings/7.")
    assert recording() == today
    assert recording(Org(8, "acme"))["url"].startswith("http://here/recordings/8.")
    clock.now += timedelta(days=1)
    assert recording()["url"] != today["url"]
    assert page.read() == [call], "what is shown of a call is not what is stored of it"


def test_whatever_shows_a_call_has_our_link_to_its_recording(world: World) -> None:
    theirs = "https://example.com/call.wav"
    said: dict[str, Any] = {"vendor": "elsewhere", "vendor_call_id": "recorded", "created_at": NOON}
    world.see([Sighting(**said, status=Status.COMPLETED, recording=Recording(enabled=True, url=theirs))])
    world.see([Sighting(**said, recording=Recording(stored=True))])
    (listed,) = world.get("trunkline", "/v1/calls").json()["calls"]
    path, link = f"/v1/calls/{listed['id']}", listed["recording"]["url"]
    assert "/recordings/" in link
    changed = world.request(
        "PATCH", f"/trunkline{path}", headers=world.headers["trunkline"], json={"metadata": {"seen": True}}
    ).json()
    (change,) = world.get("trunkline", "/v1/calls:changes").json()["changes"]
    line = msgspec.json.decode(world.get("trunkline", "/v1/calls:export").content)
    with following(world.url, world.headers["trunkline"], "?after=0") as stream:
        (event,) = stream.until(reach(world))
    for shown in (world.get("trunkline", path).json(), changed, change["call"], line, event.data):
        assert shown["recording"] == listed["recording"]
        assert shown["recording"]["original_url"] == theirs


class OddEnvelope(Struct, omit_defaults=True):
    """An envelope that leaves out what has its default."""

    calls: list[Any]
    more: bool = False


def test_an_envelope_that_may_leave_out_its_rows_is_refused() -> None:
    operation, query = lists("callem")

    def envelope(_: PageSummary, __: Any) -> OddEnvelope:
        return OddEnvelope([])

    rows = RowFormat(row=lambda call, _: call, path="calls", envelope=envelope)
    odd = structs.replace(operation, rows=rows)
    with pytest.raises(TypeError, match="OddEnvelope is an envelope and must set exactly its own fields"):
        printer().json(odd, ORG, CallPage.of("acme", CALLS[:1]), query)
