"""The inbox: whatever was not read is there once, is counted, can be read again, and is bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from tests.conftest import World
from trunkline.compose import reprocessor
from trunkline.ingest.stored_payload import stored_payload_reader
from trunkline.model.faults import Fault, Refused
from trunkline.model.inbox import (
    CountInbox,
    DropInbox,
    GetInboxPayload,
    InboxContent,
    InboxCount,
    InboxEntry,
    InboxRetried,
    InboxState,
    ListInbox,
    RetryInbox,
)
from trunkline.service.group_commit import GroupCommit
from trunkline.service.inbox import Inbox
from trunkline.service.intake import Intake
from trunkline.service.received import LINE, Provenance, Received, State, encoded
from trunkline.service.run import OUR_IDS
from trunkline.service.sources import Source
from trunkline.store import inbox as inbox_store
from trunkline.store.inbox import InboxStore
from trunkline.vendors import doors

CALLS = "/v1/calls"


def entries(world: World, **more: Any) -> list[InboxEntry]:
    return list(world.run(world.joined.run(world.org, ListInbox(limit=1000, **more))).entries)


def content(world: World, entry_id: str) -> InboxContent:
    return world.run(world.joined.run(world.org, GetInboxPayload(entry_id)))


def counts(world: World) -> list[InboxCount]:
    return list(world.run(world.joined.run(world.org, CountInbox())).counts)


def retry(world: World, **chosen: Any) -> InboxRetried:
    return world.run(world.joined.run(world.org, RetryInbox(**chosen)))


def stored_calls(world: World) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = world.get("trunkline", CALLS).json()["calls"]
    return calls


def source_in(world: World, vendor: str = "trunkline") -> Source:
    secrets = ["s3cr3t"] if doors()[vendor].signature.secret_is else []
    return world.run(world.joined.sources.add(world.name, vendor, webhook_secrets=secrets))


def deliver(world: World, source: Source, body: bytes, **headers: str) -> None:
    """A delivery to an address that is the secret."""
    found = {"content-type": "application/json", **headers}
    answer = world.request("POST", f"/hooks/{source.address}", content=body, headers=found)
    assert answer.status_code == 200, answer.text


def unread(body: bytes, **origin: Any) -> Received:
    given = {"vendor": "contactship", "problem": "could not be read then", **origin}
    return Received(None, body, Provenance(**given))


def put(world: World, *received: Received, intake: Intake | None = None) -> None:
    world.run((intake or world.joined.intake).ingest(world.org, received, "test"))


CAPTURE = Path(__file__).parents[1] / "vendors" / "contactship" / "captures" / "get.json"
RAW: dict[str, Any] = json.loads(CAPTURE.read_text())["body"]

# -- what comes into it ---------------------------------------------------


def test_a_delivery_that_cannot_be_read_is_there_once_with_all_that_is_known_of_it(world: World) -> None:
    source = source_in(world)
    body = b'{"vendor": "our-agent", "status": "completed"}'
    for _ in range(3):
        deliver(world, source, body)
    (entry,) = entries(world)
    assert (entry.source_id, entry.source, entry.vendor, entry.kind) == (
        source.id,
        "trunkline",
        "trunkline",
        "hook",
    )
    assert (entry.state, entry.reason) == (
        InboxState.UNREADABLE,
        "vendor_call_id: an id is required",
    )
    assert (entry.times, entry.size_bytes, entry.content_type) == (3, len(body), "application/json")
    assert entry.received_at <= entry.last_received_at
    assert content(world, entry.id).body == body
    (count,) = counts(world)
    assert (count.source_id, count.unreadable, count.no_call, count.size_bytes, count.dropped) == (
        source.id,
        1,
        0,
        len(body),
        0,
    )


def test_a_delivery_that_names_no_call_is_there_with_the_reason(world: World) -> None:
    deliver(world, source_in(world), b'{"calls": []}')
    (entry,) = entries(world)
    assert (entry.state, entry.reason) == (InboxState.NO_CALL, "it names no call")
    assert entries(world, state=InboxState.UNREADABLE) == []


def test_a_part_of_a_delivery_that_cannot_be_read_is_there_by_itself(world: World) -> None:
    good = {"vendor": "our-agent", "vendor_call_id": "good"}
    deliver(world, source_in(world), encoded({"calls": [good, {"vendor": "our-agent"}]}))
    (entry,) = entries(world)
    assert json.loads(content(world, entry.id).body) == {"calls": [{"vendor": "our-agent"}]}
    assert [one["vendor_call_id"] for one in stored_calls(world)] == ["good"]


def test_the_same_bytes_from_two_sources_are_two_payloads(world: World) -> None:
    first, second = source_in(world), source_in(world)
    for source in (first, second):
        deliver(world, source, b"nonsense")
    assert {one.source_id for one in entries(world)} == {first.id, second.id}
    assert [one.source_id for one in entries(world, source_id=first.id)] == [first.id]


def test_what_cannot_be_unpacked_is_there_as_it_came_with_its_encoding(world: World) -> None:
    packed = b"\x1f\x8b\x08 this is no gzip"
    deliver(world, source_in(world), packed, **{"content-encoding": "gzip"})
    (entry,) = entries(world)
    found = content(world, entry.id)
    assert (found.body, found.content_encoding) == (packed, "gzip")
    assert retry(world, ids=[entry.id]).unread[0].id == entry.id


def test_calls_of_a_bulk_write_that_are_refused_are_there_and_one_refused_alone_is_not(world: World) -> None:
    bad = {"vendor": "our-agent", "status": "completed"}
    many = [{"vendor": "our-agent", "vendor_call_id": "good"}, bad]
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    answer = world.request("POST", f"/trunkline{CALLS}", content=encoded(many), headers=headers)
    assert [one["status"] for one in answer.json()["results"]] == [201, 400]
    alone = world.request("POST", f"/trunkline{CALLS}", content=encoded(bad), headers=headers)
    assert alone.status_code == 400
    (entry,) = entries(world)
    assert (entry.source, entry.source_id, entry.kind) == ("api", None, "change")
    assert entry.reason == answer.json()["results"][1]["error"]
    assert json.loads(content(world, entry.id).body) == bad


# -- reading again --------------------------------------------------------


def test_what_can_be_read_now_becomes_a_call_and_leaves_the_inbox(world: World) -> None:
    put(world, unread(encoded(RAW)), unread(b'{"still": "no call"}'))
    result = retry(world)
    assert (result.read, result.calls) == (1, 1)
    assert [one.reason for one in result.unread] == ["id: an id is required"]
    assert [one["vendor"] for one in stored_calls(world)] == ["contactship"]
    (entry,) = entries(world)
    assert (entry.id, entry.reason) == (result.unread[0].id, "id: an id is required")
    assert retry(world).read == 0


def test_a_payload_that_waited_counts_from_its_arrival_and_not_from_the_retry(world: World) -> None:
    now = datetime(2026, 3, 1, 10, tzinfo=UTC)
    intake = Intake(world.joined.writer, lambda: now)
    source = source_in(world)
    early = encoded({"vendor": "our-agent", "vendor_call_id": "a", "status": "in_progress"})
    origin = Provenance(vendor="trunkline", kind="hook", source="x", source_id=source.id, problem="not then")
    put(world, Received(None, early, origin), intake=intake)
    now += timedelta(hours=1)
    late = encoded({"vendor": "our-agent", "vendor_call_id": "a", "status": "completed"})
    door = doors()["trunkline"]
    sighting = door.parse_delivery(json.loads(late)).sightings[0]
    put(world, Received(sighting, late, msgspec.structs.replace(origin, problem=None)), intake=intake)
    now += timedelta(hours=1)
    inbox = Inbox(InboxStore(world.joined.pool), GroupCommit(intake), stored_payload_reader().read_again)
    assert world.run(inbox.retry(world.org, RetryInbox(), OUR_IDS)).calls == 1
    assert [one["status"] for one in stored_calls(world)] == ["completed"]
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT received_at FROM sightings WHERE org_id = $1 ORDER BY received_at", world.org.id
        )
    )
    assert [row["received_at"].hour for row in rows] == [10, 11]
    assert world.run(reprocessor(world.joined).run(world.org)).changed == 0


def test_a_line_of_a_file_is_recognised_again(world: World) -> None:
    line = Provenance(kind=LINE, source="file", problem="not then", place="calls.jsonl, line 3")
    put(world, Received(None, encoded({"calls": [RAW, RAW]}), line), Received(None, encoded(RAW), line))
    result = retry(world)
    assert (result.read, result.calls) == (1, 1)
    (entry,) = entries(world)
    assert (entry.place, entry.vendor, entry.kind) == ("calls.jsonl, line 3", "", "line")
    assert entry.reason.startswith("not a call or an answer in the form of ")


def test_a_payload_of_several_calls_of_which_some_can_be_read_leaves_the_others_in_the_inbox(
    world: World,
) -> None:
    source = source_in(world)
    both = encoded({"calls": [{"vendor": "our-agent", "vendor_call_id": "good"}, {"vendor": "our-agent"}]})
    put(world, unread(both, vendor="trunkline", kind="hook", source_id=source.id))
    result = retry(world)
    assert (result.read, result.calls, result.unread) == (1, 1, [])
    (entry,) = entries(world)
    assert json.loads(content(world, entry.id).body) == {"calls": [{"vendor": "our-agent"}]}


def test_one_payload_whose_reading_fails_in_any_way_keeps_no_other_waiting(world: World) -> None:
    put(world, unread(b"the bad one"), unread(encoded(RAW)), unread(b"{}", vendor="nobodys", kind="hook"))
    reader = stored_payload_reader()

    def read_again(found: InboxContent) -> Any:
        if found.body == b"the bad one":
            raise ZeroDivisionError("a fault of ours")
        return reader.read_again(found)

    inbox = Inbox(InboxStore(world.joined.pool), world.joined.group_commit, read_again)
    result = world.run(inbox.retry(world.org, RetryInbox(), OUR_IDS))
    assert (result.read, result.calls) == (1, 1)
    assert {one.reason for one in result.unread} == {
        "ZeroDivisionError: a fault of ours",
        "payload: there is no vendor 'nobodys'",
    }


def test_one_payload_that_cannot_be_stored_keeps_no_other_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, unread(b"the bad one"), unread(encoded(RAW)))
    reader, commits = stored_payload_reader(), world.joined.group_commit
    good = reader.sightings("contactship", None, "call", encoded(RAW), "")

    def read_again(found: InboxContent) -> Any:
        return [Received(good[0], found.body)]

    async def ingest(org: Any, received: Any) -> Any:
        if received[0].raw == b"the bad one":
            raise asyncpg.DataError("a value that no column takes")
        return await GroupCommit.ingest(commits, org, received)

    monkeypatch.setattr(commits, "ingest", ingest)
    inbox = Inbox(InboxStore(world.joined.pool), commits, read_again)
    result = world.run(inbox.retry(world.org, RetryInbox(), OUR_IDS))
    assert (result.read, [one.reason for one in result.unread]) == (
        1,
        ["DataError: a value that no column takes"],
    )


def test_a_deleted_call_stays_deleted_and_its_payload_leaves_the_inbox(world: World) -> None:
    put(world, unread(encoded(RAW)))
    assert retry(world).calls == 1
    call_id = stored_calls(world)[0]["id"]
    answer = world.request("DELETE", f"/trunkline{CALLS}/{call_id}", headers=world.headers["trunkline"])
    assert answer.status_code == 204
    put(world, unread(encoded(RAW)))
    assert retry(world).read == 1
    assert (entries(world), stored_calls(world)) == ([], [])


def test_only_what_is_chosen_is_read_again(world: World) -> None:
    put(world, unread(encoded(RAW)), unread(b'{"x": 1}', vendor="zudu"))
    assert [one.reason[:7] for one in retry(world, vendor="zudu").unread] == ["id: an "]
    assert len(entries(world)) == 2


# -- dropping, and bounds -------------------------------------------------


def test_what_is_dropped_is_gone_for_good(world: World) -> None:
    put(world, unread(b"1"), unread(b"2", vendor="zudu"), unread(b"3"))
    first = next(one for one in entries(world) if content(world, one.id).body == b"1")
    assert world.run(world.joined.run(world.org, DropInbox(ids=[first.id]))).count == 1
    with pytest.raises(Refused) as refused:
        world.run(world.joined.run(world.org, DropInbox(ids=[first.id])))
    assert refused.value.fault is Fault.PAYLOAD_NOT_FOUND
    assert world.run(world.joined.run(world.org, DropInbox(vendor="zudu"))).count == 1
    assert world.run(world.joined.run(world.org, DropInbox())).count == 1
    assert entries(world) == []


def test_of_two_ids_of_which_one_is_none_nothing_is_dropped_or_read(world: World) -> None:
    put(world, unread(encoded(RAW)))
    (entry,) = entries(world)
    ids = [entry.id, "00000000-0000-4000-8000-000000000000"]
    for intent in (DropInbox(ids=ids), RetryInbox(ids=ids), RetryInbox(ids=["no id"])):
        with pytest.raises(Refused):
            world.run(world.joined.run(world.org, intent))
    assert entries(world) == [entry]


def test_another_org_sees_and_takes_nothing(world: World, new_world: Callable[..., World]) -> None:
    put(world, unread(b"mine"))
    (entry,) = entries(world)
    other = new_world()
    assert (entries(other), counts(other)) == ([], [])
    for intent in (GetInboxPayload(entry.id), DropInbox(ids=[entry.id]), RetryInbox(ids=[entry.id])):
        with pytest.raises(Refused) as refused:
            other.run(other.joined.run(other.org, intent))
        assert refused.value.fault is Fault.PAYLOAD_NOT_FOUND
    assert other.run(other.joined.run(other.org, DropInbox())).count == 0
    assert len(entries(world)) == 1


def test_a_full_inbox_drops_the_oldest_of_that_source_counts_them_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 3)
    put(world, unread(b"of another", source="another"))
    with capture_logs() as logged:
        for number in range(5):
            put(world, unread(f"{number}".encode(), source="noisy"))
    assert [content(world, one.id).body for one in entries(world)] == [b"4", b"3", b"2", b"of another"]
    assert [(one.source, one.unreadable, one.dropped) for one in counts(world)] == [
        ("another", 1, 0),
        ("noisy", 3, 2),
    ]
    warned = [one for one in logged if one["event"] == "the inbox is full: oldest payloads dropped"]
    assert [(one["source"], one["payloads"]) for one in warned] == [("noisy", 1), ("noisy", 1)]
    assert world.run(world.joined.run(world.org, DropInbox())).count == 4
    assert [(one.source, one.unread, one.dropped) for one in counts(world)] == [("noisy", 0, 2)]


def test_what_names_no_call_cannot_push_out_what_could_not_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 2)
    put(world, unread(b"unreadable"))
    for number in range(4):
        put(world, unread(f"{number}".encode(), problem=None, note="a chat is no call"))
    assert [content(world, one.id).body for one in entries(world)] == [b"3", b"2", b"unreadable"]


@pytest.mark.parametrize("bound", ["MAX_SOURCE_BYTES", "MAX_ORG_BYTES"])
def test_the_inbox_is_bounded_in_bytes(bound: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_store, bound, 250)
    for number in range(5):
        put(world, unread(f"{number}".encode() * 100))
    assert [one.size_bytes for one in entries(world)] == [100, 100]
    put(world, unread(b"x" * 1000))
    assert [one.size_bytes for one in entries(world)] == [1000], "the last one stays, however long it is"
    assert [one.dropped for one in counts(world)] == [5]


def test_a_payload_that_comes_again_is_not_the_oldest_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 2)
    for body in (b"again", b"once", b"again", b"new"):
        put(world, unread(body))
    assert {content(world, one.id).body for one in entries(world)} == {b"again", b"new"}


def test_many_writers_at_once_keep_to_the_bound_and_lose_no_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 10)

    async def work() -> None:
        each = [
            world.joined.group_commit.ingest(world.org, [unread(f"{number}".encode())])
            for number in range(40)
        ]
        for results in await asyncio.gather(*each):
            assert [one.state for one in results] == [State.NOTED]

    world.run(work())
    assert [(one.unreadable, one.dropped) for one in counts(world)] == [(10, 30)]


# -- over HTTP ------------------------------------------------------------


def test_the_inbox_is_walked_page_by_page_over_http(world: World) -> None:
    put(world, *(unread(f"{number}".encode()) for number in range(5)))
    put(world, unread(b"another", vendor="zudu", problem=None))
    walked: list[str] = []
    query: dict[str, str] = {"page_size": "2", "include_total": "true"}
    while True:
        page = world.get("trunkline", "/v1/inbox", params=query).json()
        assert page["total_size"] == 6
        walked += [one["id"] for one in page["payloads"]]
        if page["next_page_token"] is None:
            break
        query["page_token"] = page["next_page_token"]
    assert walked == [one.id for one in entries(world)]
    assert [(one["vendor"], one["unreadable"], one["no_call"]) for one in page["sources"]] == [
        ("contactship", 5, 0),
        ("zudu", 0, 1),
    ]
    only = world.get("trunkline", "/v1/inbox", params={"state": "no_call"}).json()
    assert [one["vendor"] for one in only["payloads"]] == ["zudu"]
    assert len(world.get("trunkline", "/v1/inbox", params={"vendor": "contactship"}).json()["payloads"]) == 5


def test_a_page_token_of_another_selection_or_org_is_refused(
    world: World, new_world: Callable[..., World]
) -> None:
    put(world, unread(b"1"), unread(b"2"))
    token = world.get("trunkline", "/v1/inbox", params={"page_size": 1}).json()["next_page_token"]
    for asked, query in (
        (world, {"page_token": token, "state": "no_call"}),
        (new_world(), {"page_token": token}),
        (world, {"page_token": "e30="}),
        (world, {"page_token": "?"}),
    ):
        answer = asked.get("trunkline", "/v1/inbox", params=query)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-page-token")


def test_one_payload_is_printed_as_text_or_in_base64_read_again_and_deleted(world: World) -> None:
    put(world, unread(encoded(RAW)), unread(b"\xff\x00"), unread(b"no"))
    found = {}
    for entry in entries(world):
        printed = world.get("trunkline", f"/v1/inbox/{entry.id}").json()
        found[printed.get("payload", printed.get("payload_base64"))] = printed
    assert set(found) == {encoded(RAW).decode(), "/wA=", "no"}
    headers = world.headers["trunkline"]
    path = f"/trunkline/v1/inbox/{found['no']['id']}"
    stays = world.request("POST", f"{path}/retry", headers=headers)
    assert stays.json() == {"read": False, "calls": 0, "reason": "payload: is not JSON"}
    readable = f"/trunkline/v1/inbox/{found[encoded(RAW).decode()]['id']}/retry"
    assert world.request("POST", readable, headers=headers).json() == {
        "read": True,
        "calls": 1,
        "reason": None,
    }
    assert world.request("DELETE", path, headers=headers).status_code == 204
    for method, gone in (("GET", path), ("DELETE", path), ("POST", readable), ("GET", path[:-3] + "%20")):
        answer = world.request(method, gone, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/payload-not-found")
    assert [one["id"] for one in world.get("trunkline", "/v1/inbox").json()["payloads"]] == [
        found["/wA="]["id"]
    ]


def test_a_key_that_may_only_read_cannot_drop_or_retry(world: World) -> None:
    put(world, unread(b"1"))
    (entry,) = entries(world)
    made = world.run(world.joined.keys.create(world.name, scopes=("read",)))
    path = f"/trunkline/v1/inbox/{entry.id}"
    headers = made.headers["trunkline"]
    assert world.request("GET", path, headers=headers).status_code == 200
    assert world.request("DELETE", path, headers=headers).status_code == 403
    assert world.request("POST", f"{path}/retry", headers=headers).status_code == 403


def test_the_metrics_count_what_is_in_the_inbox_without_naming_an_org(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 1)
    put(world, unread(b"1", vendor="metered"), unread(b"2", vendor="metered"))
    put(world, unread(b"3", vendor="metered", problem=None))
    lines = world.request("GET", "/metrics").text.splitlines()
    found = sorted(line for line in lines if 'vendor="metered"' in line)
    assert found == [
        'trunkline_inbox_bytes{state="no_call",vendor="metered"} 1.0',
        'trunkline_inbox_bytes{state="unreadable",vendor="metered"} 1.0',
        'trunkline_inbox_dropped_total{vendor="metered"} 1.0',
        'trunkline_inbox_payloads{state="no_call",vendor="metered"} 1.0',
        'trunkline_inbox_payloads{state="unreadable",vendor="metered"} 1.0',
    ]
    assert not any(world.name in line for line in lines)
