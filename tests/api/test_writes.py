"""Our own write API over real HTTP: calls reported, changed and deleted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2
import msgspec
import pytest

from tests.conftest import World
from trunkline.compose import reprocessor
from trunkline.ingest.reprocess import ReprocessSummary
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.store.calls.rows import stored_call_of
from trunkline.vendors.trunkline.parse import from_wire
from trunkline.vendors.trunkline.writes import MAX_CALLS

CALLS = "/v1/calls"


def call_body(name: str, **fields: Any) -> dict[str, Any]:
    return {"vendor": "our-agent", "vendor_call_id": name, "status": "completed", **fields}


def ask(
    world: World, method: str, path: str, body: Any = None, dialect: str = "trunkline", **headers: str
) -> httpx2.Response:
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    sent = {"content-type": "application/json", **world.headers[dialect], **headers}
    return world.request(method, f"/{dialect}{path}", content=content, headers=sent)


def report(world: World, name: str = "c-1", **fields: Any) -> str:
    answer = ask(world, "POST", CALLS, call_body(name, **fields))
    assert answer.status_code == 201, answer.text
    call_id: str = answer.json()["id"]
    return call_id


# -- reporting ------------------------------------------------------------


@pytest.mark.claim("trunkline:write.tell")
def test_a_call_that_is_new_is_201_and_known_200_with_id_state_and_link(world: World) -> None:
    first = ask(world, "POST", CALLS, call_body("c-1", duration_ms=4000))
    again = ask(world, "POST", CALLS, call_body("c-1", duration_ms=4000))
    more = ask(world, "POST", CALLS, call_body("c-1", from_number="+12025550100"))
    assert [first.status_code, again.status_code, more.status_code] == [201, 200, 200]
    assert [answer.json()["state"] for answer in (first, again, more)] == ["new", "unchanged", "changed"]
    assert len({answer.json()["id"] for answer in (first, again, more)}) == 1
    found = world.request("GET", first.json()["link"], headers=world.headers["trunkline"]).json()
    assert (found["duration_ms"], found["from_number"]) == (4000, "+12025550100")


def as_list(calls: list[Any]) -> tuple[bytes, str]:
    return json.dumps(calls).encode(), "application/json"


def as_object(calls: list[Any]) -> tuple[bytes, str]:
    return json.dumps({"calls": calls}).encode(), "application/json; charset=utf-8"


def as_lines(calls: list[Any]) -> tuple[bytes, str]:
    return b"\n\n".join(json.dumps(call).encode() for call in calls) + b"\n", "application/x-ndjson"


@pytest.mark.claim("trunkline:write.many")
@pytest.mark.parametrize("form", [as_list, as_object, as_lines])
def test_many_calls_are_each_answered_and_bad_ones_are_named(
    world: World, form: Callable[[list[Any]], tuple[bytes, str]]
) -> None:
    odd = call_body("c-2", status="sleeping", turn_count=2)
    body, kind = form([call_body("c-1"), odd, 7, call_body("c-1", duration_ms=1), {"status": "completed"}])
    answer = ask(world, "POST", CALLS, body, **{"content-type": kind})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert [result["status"] for result in results] == [201, 201, 400, 200, 400]
    assert list(results[1]["problems"]) == ["status"]
    assert results[1]["problems"]["status"]["found"] == "'sleeping'"
    assert results[1]["problems"]["status"]["expected"].startswith("one of scheduled, ")
    assert not any("problems" in results[index] for index in (0, 2, 3, 4))
    assert "an id is required" in results[4]["error"]
    calls = {call["vendor_call_id"]: call for call in world.get("trunkline", CALLS).json()["calls"]}
    assert set(calls) == {"c-1", "c-2"}
    assert (calls["c-2"]["turn_count"], calls["c-2"]["from_number"]) == (2, calls["c-1"]["from_number"])
    (kept,) = world.run(
        world.joined.pool.fetch(
            "SELECT problems FROM sightings WHERE org_id = $1 AND vendor_call_id = 'c-2'", world.org.id
        )
    )
    assert list(json.loads(kept["problems"])) == ["status"]


@pytest.mark.parametrize(
    "odd",
    [b'"\\ud800"', b'"\xff"', b"NaN", b"[" * 5000 + b"]" * 5000, b'"a\x00b"'],
    ids=["half a pair", "no UTF-8", "NaN", "deep", "NUL"],
)
@pytest.mark.parametrize("form", [as_list, as_object, as_lines])
def test_what_is_not_quite_json_in_one_of_many_calls_costs_no_call(
    world: World, form: Callable[[list[Any]], tuple[bytes, str]], odd: bytes
) -> None:
    body, kind = form([call_body("c-1"), call_body("c-2", metadata={"odd": "VALUE"}), call_body("c-3")])
    answer = ask(world, "POST", CALLS, body.replace(b'"VALUE"', odd), **{"content-type": kind})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 201, 201]
    assert ["problems" in result for result in results] == [False, b"\x00" not in odd, False]
    assert len(world.get("trunkline", CALLS).json()["calls"]) == 3


def test_what_was_sent_is_stored_as_it_came(world: World) -> None:
    raw = b'[ {"vendor_call_id": "c-1",   "status": "completed", "unheard_of": 1.50} ]'
    ask(world, "POST", CALLS, raw)
    rows = world.run(
        world.joined.pool.fetch("SELECT payload, kind FROM sightings WHERE org_id = $1", world.org.id)
    )
    assert [(bytes(row["payload"]), row["kind"]) for row in rows] == [(raw[2:-2], "change")]


def test_more_calls_than_a_request_may_have_are_refused_whole(world: World) -> None:
    answer = ask(world, "POST", CALLS, [call_body(str(n)) for n in range(MAX_CALLS + 1)])
    assert answer.status_code == 413
    assert str(MAX_CALLS) in answer.json()["detail"]
    full = ask(world, "POST", CALLS, [call_body(str(n)) for n in range(MAX_CALLS)])
    assert {result["status"] for result in full.json()["results"]} == {201}


BAD_BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"\xff", 400),
    (b"7", 400),
    (b"null", 400),
    (b'{"calls": 7}', 400),
    (b"[" * 5000, 400),
    (b'{"vendor_call_id": "c", "metadata": ' + b'{"a":' * 300 + b"1" + b"}" * 301, 400),
    (b'{"vendor_call_id": "c\\u0000"}', 400),
    (b'{"vendor_call_id": "c", "from_number": "' + b"1" * 5000 + b'"}', 400),
    (b'{"vendor_call_id": "c", "cost": {"amount": 1e400}}', 400),
    (b'{"vendor_call_id": "c", "duration_ms": -1}', 400),
    (b'{"vendor_call_id": "c", "created_at": "yesterday"}', 400),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
def test_a_body_that_cannot_be_read_is_a_problem_that_says_why(
    world: World, body: bytes, status: int
) -> None:
    answer = ask(world, "POST", CALLS, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


FORM = "application/x-www-form-urlencoded"
"""The media type that `curl --data` sends by default."""


@pytest.mark.parametrize(
    ("method", "path", "lines"),
    [
        ("POST", CALLS, ", or application/x-ndjson for JSON Lines"),
        ("POST", f"{CALLS}/{uuid.UUID(int=7)}/events", ", or application/x-ndjson for JSON Lines"),
        ("PATCH", f"{CALLS}/{uuid.UUID(int=7)}", ""),
    ],
)
def test_another_content_type_is_415_with_the_header_that_is_to_be_sent(
    world: World, method: str, path: str, lines: str
) -> None:
    body = json.dumps(call_body("c-1")).encode()
    for kind in (FORM, "text/xml", f"{FORM}; charset=utf-8"):
        answer = ask(world, method, path, body, **{"content-type": kind})
        assert answer.status_code == 415, answer.text
        assert answer.json()["detail"] == (
            f"The body cannot be read: it came as {kind.partition(';')[0]};"
            f" send it with the header Content-Type: application/json{lines}."
        )
    assert world.get("trunkline", CALLS).json()["calls"] == []


def test_a_content_encoding_is_415_with_the_header_that_is_not_to_be_sent(world: World) -> None:
    answer = ask(world, "POST", CALLS, call_body("c-1"), **{"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert answer.json()["detail"].endswith("send it as it is, without the header Content-Encoding.")


def test_a_body_that_says_that_it_is_too_large_is_not_read(world: World) -> None:
    answer = ask(world, "POST", CALLS, b" " * (32 * 1024 * 1024 + 1))
    assert answer.status_code == 413


# -- changing -------------------------------------------------------------


@pytest.mark.claim("trunkline:write.change")
def test_a_change_wins_over_what_was_stated_before_and_answers_the_merged_call(world: World) -> None:
    call_id = report(
        world,
        updated_at="2026-01-01T00:00:00Z",
        analysis={"summary": "old", "success": True},
        metadata={"a": 1},
    )
    answer = ask(
        world,
        "PATCH",
        f"{CALLS}/{call_id}",
        {"analysis": {"summary": "new"}, "metadata": {"b": 2}, "result": "busy"},
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["analysis"]["summary"], changed["analysis"]["success"]) == ("new", True)
    assert (changed["metadata"], changed["result"]) == ({"a": 1, "b": 2}, "busy")
    assert changed == world.get("trunkline", f"{CALLS}/{call_id}").json()


def test_one_change_after_another_each_wins_also_back_to_what_it_was(world: World) -> None:
    call_id = report(world)
    for summary in ("a", "bbbb", "a", "cc", "a"):
        answer = ask(world, "PATCH", f"{CALLS}/{call_id}", {"analysis": {"summary": summary}})
        assert answer.json()["analysis"]["summary"] == summary


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"summary": "x"}, "summary"),
        ({"result": None}, "result"),
        ({"analysis": {"summary": None}}, "analysis.summary"),
        ({"vendor": "zudu"}, "vendor"),
        ({"id": str(uuid.UUID(int=7))}, "id"),
        ({"status": "sleeping"}, "status"),
        ({"derived": ["status"]}, "derived"),
        ({"duration_ms": "long"}, "duration_ms"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_name(world: World, body: Any, named: str) -> None:
    call_id = report(world)
    answer = ask(world, "PATCH", f"{CALLS}/{call_id}", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["parameter"] == named


WHOLE: dict[str, Any] = {
    "direction": "inbound",
    "channel": "phone",
    "end_reason_raw": "hangup",
    "billing_status": "paid",
    "agent": {"id": "a-1", "name": "Ada", "config": {"voice": "warm"}},
    "contact": {"full_name": "Grace"},
    "turns": [{"role": "user", "text": "Hello?"}],
    "tool_calls": [{"name": "look_up"}],
    "transcript_text": "User: Hello?",
    "events": [{"type": "begun"}],
    "analysis": {"sentiment": "positive", "custom": {"mood": "good"}, "evaluations": [{"name": "polite"}]},
    "cost": {"amount": 1.50, "unit": "USD", "items": [{"name": "minutes"}]},
    "latency": {"e2e": 700},
    "metadata": {"mood": "good", "tags": ["a"], "order": {"id": 1}},
}
"""A call with something of every kind of value."""

REPLACES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"end_reason_raw": "unknown"}, ("end_reason_raw",)),
    ({"billing_status": ""}, ("billing_status",)),
    ({"contact": {"full_name": "unknown"}}, ("contact", "full_name")),
    ({"agent": {"config": {}}}, ("agent", "config")),
    ({"analysis": {"sentiment": "unknown"}}, ("analysis", "sentiment")),
    ({"analysis": {"custom": {"mood": "unknown"}}}, ("analysis", "custom", "mood")),
    ({"analysis": {"custom": {"mood": []}}}, ("analysis", "custom", "mood")),
    ({"analysis": {"custom": {"mood": {}}}}, ("analysis", "custom", "mood")),
    ({"analysis": {"evaluations": []}}, ("analysis", "evaluations")),
    ({"cost": {"items": []}}, ("cost", "items")),
    ({"latency": {}}, ("latency",)),
    ({"latency": {"e2e": None}}, ("latency",)),
    ({"metadata": {"mood": "unknown"}}, ("metadata", "mood")),
    ({"metadata": {"tags": []}}, ("metadata", "tags")),
    ({"metadata": {"order": {}}}, ("metadata", "order")),
    ({"metadata": {"order": {"id": None}}}, ("metadata", "order")),
    ({"metadata": {"mood": True}}, ("metadata", "mood")),
    ({"metadata": {"mood": 1}}, ("metadata", "mood")),
    ({"metadata": {"new": []}}, ("metadata", "new")),
]


def at(part: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        part = part[name]
    return part


def without(whole: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    rest: dict[str, Any] = json.loads(json.dumps(whole))
    at(rest, path[:-1]).pop(path[-1], None)
    return rest


@pytest.mark.parametrize(("body", "path"), REPLACES, ids=[json.dumps(body) for body, _ in REPLACES])
def test_a_value_of_whatever_kind_replaces_what_was_there_and_nothing_else(
    world: World, body: dict[str, Any], path: tuple[str, ...]
) -> None:
    call_id = report(world, **WHOLE)
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    changed = ask(world, "PATCH", f"{CALLS}/{call_id}", body).json()
    assert json.dumps(at(changed, path)) == json.dumps(at(body, path))
    assert without(changed, path) == without(before, path)
    assert changed == world.get("trunkline", f"{CALLS}/{call_id}").json()
    back = ask(world, "PATCH", f"{CALLS}/{call_id}", WHOLE).json()
    assert without(back, path) == without(before, path)


MERGED = ["agent", "campaign", "contact", "analysis", "cost", "recording", "privacy", "telephony", "metadata"]


@pytest.mark.parametrize(
    "body", [*({name: {}} for name in MERGED), {"analysis": {"custom": {}}}], ids=json.dumps
)
def test_an_empty_object_names_no_member_and_changes_none(world: World, body: dict[str, Any]) -> None:
    ours: dict[str, Any] = {
        "campaign": {"id": "c"},
        "recording": {"enabled": True},
        "privacy": {"opt_out": True},
    }
    call_id = report(world, **WHOLE, **ours, telephony={"sid": "CA1"})
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert ask(world, "PATCH", f"{CALLS}/{call_id}", body).json() == before


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"direction": "unknown"}, "direction"),
        ({"channel": "unknown"}, "channel"),
        ({"turns": []}, "turns"),
        ({"tool_calls": []}, "tool_calls"),
        ({"events": []}, "events"),
        ({"transcript_text": ""}, "transcript_text"),
        ({"status": "unknown"}, "status"),
        ({"result": "unknown"}, "result"),
        ({"direction": None}, "direction"),
        ({"turns": None}, "turns"),
        ({"latency": None}, "latency"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {"mood": None}}, "metadata.mood"),
        ({"analysis": {"custom": {"mood": None}}}, "analysis.custom.mood"),
        ({"agent": {"config": None}}, "agent.config"),
        ({"cost": {"items": None}}, "cost.items"),
    ],
)
def test_what_would_only_take_something_away_is_refused_and_takes_nothing(
    world: World, body: dict[str, Any], named: str
) -> None:
    call_id = report(world, **WHOLE)
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    answer = ask(world, "PATCH", f"{CALLS}/{call_id}", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["parameter"] == named
    assert world.get("trunkline", f"{CALLS}/{call_id}").json() == before


def test_what_says_nothing_in_a_call_that_is_reported_replaces_nothing(world: World) -> None:
    call_id = report(world, **WHOLE)
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    nothing: dict[str, Any] = {
        "direction": "unknown",
        "channel": "unknown",
        "turns": [],
        "tool_calls": [],
        "events": [],
    }
    answer = ask(world, "POST", CALLS, call_body("c-1", **nothing, transcript_text="", metadata=None))
    assert answer.json()["state"] == "unchanged"
    assert world.get("trunkline", f"{CALLS}/{call_id}").json() == before


def test_a_change_that_says_what_is_so_already_still_wins_over_what_was_stated_before_it(
    world: World,
) -> None:
    call_id = report(world, end_reason="agent_hangup")
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert ask(world, "PATCH", f"{CALLS}/{call_id}", {"end_reason": "agent_hangup"}).json() == before
    late = call_body("c-1", end_reason="user_hangup", updated_at="2026-03-02T10:00:00Z")
    assert ask(world, "POST", CALLS, late).json()["state"] == "changed"  # when it was updated
    assert world.get("trunkline", f"{CALLS}/{call_id}").json()["end_reason"] == "agent_hangup"


def test_a_change_is_derived_again_with_the_time_at_which_it_was_made(world: World) -> None:
    call_id = report(world, created_at="2026-03-02T08:00:00Z", **WHOLE)
    for text in ("a longer one", "a", "b"):
        ask(world, "PATCH", f"{CALLS}/{call_id}", {"analysis": {"summary": text}, "billing_status": text})
    before = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert before["billing_status"] == "b"
    # However late they were committed: all in one moment.
    sql = "UPDATE sightings SET received_at = $2, last_received_at = $2 WHERE org_id = $1"
    world.run(world.joined.pool.execute(sql, world.org.id, datetime.fromisoformat("2026-03-02T09:00:00Z")))
    again = reprocessor(world.joined)
    assert world.run(again.run(world.org)) == ReprocessSummary(calls=1)
    assert world.get("trunkline", f"{CALLS}/{call_id}").json() == before


def again(raw: bytes) -> Sighting:
    """The sighting of a stored payload, with its original time."""
    fields = msgspec.json.decode(raw)
    sighting = from_wire({**fields, "vendor": "our-agent", "vendor_call_id": "c-1"})
    if "as_of" in fields:
        sighting.as_of = msgspec.convert(fields["as_of"], type=datetime)
    return sighting


def test_what_was_stored_makes_the_same_call_again(world: World) -> None:
    call_id = report(world, duration_ms=7, metadata={"a": 1}, turns=[{"role": "user", "text": "Hi."}])
    for body in ({"analysis": {"summary": "x"}}, {"metadata": {"b": 2}}, {"analysis": {"summary": "y"}}):
        ask(world, "PATCH", f"{CALLS}/{call_id}", body)
    pool, org = world.joined.pool, world.org.id
    rows = world.run(
        pool.fetch("SELECT payload, received_at FROM sightings WHERE org_id = $1 ORDER BY received_at", org)
    )
    fields = [(again(row["payload"]), row["received_at"]) for row in rows]
    call, versions = first_call(fields[0][0], call_id, fields[0][1])
    for sighting, received_at in fields[1:]:
        call, versions = merged(call, versions, sighting, received_at)
    row = world.run(
        pool.fetchrow(
            "SELECT c.body, c.versions, c.revision, t.body AS transcript FROM calls c"
            " JOIN call_transcripts t ON t.org_id = c.org_id AND t.call_id = c.id WHERE c.org_id = $1",
            org,
        )
    )
    stands = stored_call_of(
        row["body"], row["transcript"], row["versions"], row["revision"], has_unstored_facts=False
    )
    assert (call, versions) == (stands.call, stands.versions)


# -- deleting -------------------------------------------------------------


@pytest.mark.claim("trunkline:write.delete")
def test_a_deleted_call_is_gone_for_good(world: World) -> None:
    call_id = report(world)
    path = f"{CALLS}/{call_id}"
    gone = ask(world, "DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-length" not in gone.headers
    assert world.get("trunkline", path).status_code == 404
    assert ask(world, "DELETE", path).status_code == 410
    assert ask(world, "PATCH", path, {"result": "busy"}).status_code == 410
    assert ask(world, "POST", f"{path}/events", {"type": "end"}).status_code == 410
    assert ask(world, "POST", CALLS, call_body("c-1")).status_code == 410
    many = ask(world, "POST", CALLS, [call_body("c-1"), call_body("c-2")])
    assert [result["status"] for result in many.json()["results"]] == [410, 201]
    count = "SELECT count(*) FROM sightings WHERE org_id = $1 AND vendor_call_id = 'c-1'"
    assert world.run(world.joined.pool.fetchval(count, world.org.id)) == 0


# -- who may --------------------------------------------------------------


def test_another_org_can_neither_write_a_call_nor_find_out_about_it(
    world: World, new_world: Callable[..., World]
) -> None:
    other = new_world()
    call_id = report(world)
    unknown = str(uuid.uuid4())
    for method, tail, body in [
        ("PATCH", "", {"result": "busy"}),
        ("POST", "/events", {"type": "end"}),
        ("DELETE", "", None),
    ]:
        theirs = ask(other, method, f"{CALLS}/{call_id}{tail}", body)
        nobodys = ask(other, method, f"{CALLS}/{unknown}{tail}", body)
        assert theirs.status_code == 404
        assert theirs.content == nobodys.content
    before = world.get("trunkline", f"{CALLS}/{call_id}")
    assert ask(other, "POST", CALLS, call_body("c-1", result="failed")).status_code == 201
    assert world.get("trunkline", f"{CALLS}/{call_id}").content == before.content
    assert ask(world, "DELETE", f"{CALLS}/{call_id}").status_code == 204
    assert ask(other, "PATCH", f"{CALLS}/{call_id}", {"result": "busy"}).status_code == 200  # their own
