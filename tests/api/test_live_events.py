"""Calls that run: events over real HTTP, and the call so far in the form of every dialect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.api.events import following, reach
from tests.api.test_writes import CALLS, ask, report
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from trunkline.store.calls.rows import call_of
from trunkline.store.totals.totals import differences
from trunkline.vendors import dialects

AT = "2026-03-02T09:30:%06.3fZ"


def event(kind: str, second: float, **said: Any) -> dict[str, Any]:
    return {"type": kind, "at": AT % second, **said}


def reported(world: World, call_id: str, *events: dict[str, Any]) -> dict[str, Any]:
    answer = ask(world, "POST", f"{CALLS}/{call_id}/events", list(events))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["refused"] == []
    return found


def running(world: World) -> str:
    return report(world, status="in_progress", created_at=AT % 0)


CONVERSATION = [
    event("status", 1, status="in_progress"),
    event("partial_turn", 2, turn=1, role="agent", text="Good mor"),
    event("turn", 3, turn=1, role="agent", text="Good morning.", start_ms=900, end_ms=1800),
    event("tool_call", 4, id="t-1", name="find_slot", arguments={"day": "thursday"}),
    event("tool_call", 5, id="t-1", result={"free": ["10:00"]}),
    event("latency", 5.5, latency={"e2e": {"p50": 700}}),
    event("turn", 6, turn=2, role="user", text="Thursday, please.", start_ms=4100, end_ms=5200),
    event("partial_turn", 7, turn=3, role="agent", text="Thurs"),
]
END = event("end", 9, result="answered", end_reason="user_hangup", duration_ms=8000)

RUNNING = {
    "contactship": ("call_status", "in-progress"),
    "callem": ("status", "live"),
    "zudu": ("call_status", "ONGOING"),
    "butter": ("status", "in_progress"),
    "trunkline": ("status", "in_progress"),
}


def shown(world: World, dialect: str) -> dict[str, Any]:
    """The one call of the org as a dialect's get prints it."""
    operation = dialects()[dialect].operations[1]
    body = world.run(world.joined.pool.fetchval("SELECT body FROM calls WHERE org_id = $1", world.org.id))
    printed_id = dialects()[dialect].ids.printed(call_of(body, None))
    answer = world.get(dialect, operation.path.replace("{id}", printed_id))
    assert answer.status_code == 200, answer.text
    printed: dict[str, Any] = answer.json()
    found: dict[str, Any] = printed.get("data", printed)
    return found


@pytest.mark.parametrize("dialect", RUNNING)
def test_a_running_call_is_read_in_every_dialect_as_far_as_it_is(world: World, dialect: str) -> None:
    call_id = running(world)
    for one in CONVERSATION:
        reported(world, call_id, one)
    call = shown(world, dialect)
    field, word = RUNNING[dialect]
    assert call[field] == word
    text = json.dumps(call)
    assert "Good morning." in text
    assert "Thursday, please." in text
    assert 'Good mor"' not in text
    reported(world, call_id, event("turn", 8, turn=3, role="agent", text="Thursday at ten it is."), END)
    ended = shown(world, dialect)
    assert ended[field] != word
    assert "Thursday at ten it is." in json.dumps(ended)


def test_events_say_everything_that_they_can_say(world: World) -> None:
    call_id = running(world)
    answer = reported(
        world, call_id, *CONVERSATION, event("recording", 8, url="https://r.example/1.wav"), END
    )
    assert (answer["status"], answer["accepted"]) == ("completed", 10)
    call = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert [turn["text"] for turn in call["turns"]] == ["Good morning.", "Thursday, please.", "Thurs"]
    (tool,) = call["tool_calls"]
    assert (tool["name"], tool["arguments"], tool["result"]) == (
        "find_slot",
        {"day": "thursday"},
        {"free": ["10:00"]},
    )
    assert (tool["position"], tool["result_position"]) == (1, 2)
    assert call["latency"] == {"e2e": {"p50": 700}}
    assert call["recording"]["url"] == "https://r.example/1.wav"
    assert (call["result"], call["end_reason"], call["duration_ms"]) == ("answered", "user_hangup", 8000)
    assert call["started_at"] == "2026-03-02T09:30:01Z"
    assert call["ended_at"] == "2026-03-02T09:30:09Z"
    assert call["turn_count"] == 3


@pytest.mark.claim("trunkline:write.events")
def test_events_in_any_order_and_sent_twice_make_the_same_call(world: World) -> None:
    call_id = running(world)
    events = [*CONVERSATION, END]
    for one in [*reversed(events), *events]:
        reported(world, call_id, one)
    in_order = world.get("trunkline", f"{CALLS}/{call_id}").json()
    other = report(world, "c-2", status="in_progress", created_at=AT % 0)
    reported(world, other, *events)
    at_once = world.get("trunkline", f"{CALLS}/{other}").json()
    names = ("id", "vendor_call_id")
    assert {k: v for k, v in in_order.items() if k not in names} == {
        k: v for k, v in at_once.items() if k not in names
    }


def test_one_event_and_json_lines_are_accepted_too(world: World) -> None:
    call_id = running(world)
    path = f"{CALLS}/{call_id}/events"
    assert ask(world, "POST", path, CONVERSATION[2]).json()["accepted"] == 1
    lines = b"\n".join(json.dumps(one).encode() for one in CONVERSATION)
    sent = ask(world, "POST", path, lines, **{"content-type": "application/x-ndjson"})
    assert sent.json()["accepted"] == len(CONVERSATION)


def test_an_event_without_a_time_gets_the_moment_it_came_in_and_keeps_it(world: World) -> None:
    call_id = running(world)
    reported(
        world,
        call_id,
        *({"type": "turn", "role": "user", "text": text} for text in ("One.", "Two.", "Three.")),
    )
    reported(world, call_id, {"type": "turn", "role": "user", "text": "Four."})
    call = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert [turn["text"] for turn in call["turns"]] == ["One.", "Two.", "Three.", "Four."]
    kept = "SELECT payload FROM sightings WHERE org_id = $1 AND kind = 'event'"
    rows = world.run(world.joined.pool.fetch(kept, world.org.id))
    assert len(rows) == 4
    assert all("at" in json.loads(row["payload"]) for row in rows)


BAD = [
    ({"type": "sneeze"}, "Invalid value"),
    ({"type": "turn", "role": "agent"}, "missing required field `text`"),
    ({"type": "partial_turn", "role": "agent", "text": "x"}, "missing required field `turn`"),
    ({"type": "turn", "role": "bystander", "text": "x"}, "role"),
    ({"type": "turn", "role": "user", "text": "x", "at": "2026-03-02T09:30:00"}, "timezone"),
    ({"type": "turn", "role": "user", "text": "x", "start_ms": -5}, "start_ms"),
    ({"type": "status", "status": "sleeping"}, "status"),
    ({"type": "end", "reason": "x"}, "unknown field `reason`"),
    (7, "Expected `object`"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_event_is_named_and_the_good_ones_are_accepted(world: World, bad: Any, reason: str) -> None:
    call_id = running(world)
    path = f"{CALLS}/{call_id}/events"
    answer = ask(world, "POST", path, [CONVERSATION[2], bad])
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 1
    (refused,) = answer.json()["refused"]
    assert refused["index"] == 1
    assert reason in refused["error"]
    assert ask(world, "POST", path, bad).status_code == 400


def test_an_event_from_the_far_future_is_refused_since_it_would_win_for_ever(world: World) -> None:
    call_id = running(world)
    path = f"{CALLS}/{call_id}/events"
    late = {"type": "status", "status": "ringing", "at": "2999-01-01T00:00:00Z"}
    assert "future" in ask(world, "POST", path, [late]).json()["refused"][0]["error"]
    assert ask(world, "POST", path, late).status_code == 400


def test_events_of_a_call_that_is_not_known_are_404(world: World) -> None:
    path = f"{CALLS}/5f0c9c5e-2f5e-4a52-9d4b-111111111111/events"
    assert ask(world, "POST", path, CONVERSATION[2]).status_code == 404


def test_a_change_after_an_event_holds_against_events_of_other_things(world: World) -> None:
    call_id = running(world)
    reported(world, call_id, END)
    ask(world, "PATCH", f"{CALLS}/{call_id}", {"result": "voicemail"})
    reported(world, call_id, {"type": "latency", "latency": {"llm": 300}})
    call = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert (call["result"], call["latency"]) == ("voicemail", {"llm": 300})


# -- several processes ----------------------------------------------------


@pytest.fixture(scope="module")
def pair(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two processes."""
    served = Server(embedded_url, tmp_path_factory.mktemp("live") / "server.log", "--workers", "2")
    served.wait_until_ready()
    yield served
    served.stop()


def turn_of(number: int) -> dict[str, Any]:
    return event("turn", number / 10, turn=number, id=f"e-{number}", role="user", text=f"Turn {number}.")


def test_events_of_one_call_reported_to_several_processes_at_once_make_one_call_and_followers_see_it(
    pair: Server, world: World
) -> None:
    call_id = running(world)
    headers = world.headers["trunkline"]
    rng = random.Random(4)
    sent = [turn_of(number) for number in range(200)] + [turn_of(rng.randrange(200)) for _ in range(40)]
    sent += [event("tool_call", n, id=f"t-{n}", name="find") for n in range(10)]
    sent += [event("tool_call", n + 0.5, id=f"t-{n}", result=n) for n in range(10)]
    rng.shuffle(sent)
    batches = [sent[place : place + 3] for place in range(0, len(sent), 3)]

    def post(batch: list[dict[str, Any]]) -> None:
        with httpx2.Client(base_url=f"{pair.url}/trunkline", timeout=MAX_WAIT_SECONDS) as client:
            answer = client.post(f"/v1/calls/{call_id}/events", json=batch, headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["accepted"] == len(batch)

    with (
        following(pair.url, headers, "?include=turns,tools") as whole,
        following(pair.url, headers) as bare,
    ):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(post, batches))
        seen = [one.until(reach(world))[-1].data for one in (whole, bare)]
    call = world.get("trunkline", f"{CALLS}/{call_id}").json()
    assert [turn["text"] for turn in call["turns"]] == [f"Turn {number}." for number in range(200)]
    assert [tool["result"] for tool in call["tool_calls"]] == list(range(10))
    assert seen[0]["turns"] == call["turns"]
    assert seen[0]["tool_calls"] == call["tool_calls"]
    assert seen[1].items() <= call.items()
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_lists_files_and_searches_have_what_was_said_so_far(world: World) -> None:
    call_id = running(world)
    reported(world, call_id, *CONVERSATION)
    call = world.get("trunkline", f"{CALLS}/{call_id}").json()
    (listed,) = world.get("trunkline", f"{CALLS}?include=turns,tools").json()["calls"]
    assert listed["turns"] == call["turns"]
    (line,) = world.get("trunkline", f"{CALLS}:export?include=turns,tools").text.splitlines()
    assert json.loads(line)["tool_calls"] == call["tool_calls"]
    for text, count in (("thursday, please", 1), ("good mor", 1), ("good morg", 0), ("Thurs", 1)):
        assert len(matching(world, text)) == count, text
    reported(world, call_id, event("turn", 8, turn=2, role="user", text="Friday, rather."))
    for text, count in (("thursday, please", 0), ("friday, rather", 1)):
        assert len(matching(world, text)) == count, text


def matching(world: World, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.get("trunkline", CALLS, params={"transcript_search": text}).json()[
        "calls"
    ]
    return found


def test_the_answer_says_how_many_were_accepted_and_not_the_conversation(world: World) -> None:
    call_id = running(world)
    answer = reported(world, call_id, *CONVERSATION)
    assert answer == {
        "id": call_id,
        "status": "in_progress",
        "accepted": len(CONVERSATION),
        "refused": [],
        "link": f"/trunkline{CALLS}/{call_id}",
    }
