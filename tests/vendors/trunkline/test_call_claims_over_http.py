"""How our own API prints a call, what it includes of it, its TOON, and how it reads what it printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import toons

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.trunkline.samples import AT, made, refuses_parameter, uuid
from trunkline.kit.payload import Unreadable
from trunkline.model.call import (
    Agent,
    Analysis,
    Campaign,
    Contact,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Word,
)
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors import dialects

OWN = dialects()["trunkline"]
TOON = "text/toon; charset=utf-8"

FULL = made(
    1,
    trace_id="trace-1",
    direction=Direction.INBOUND,
    channel=Channel.PHONE,
    vendor_type="pstn",
    from_number="+12025550100",
    to_number="+33199000001",
    result=Result.ANSWERED,
    end_reason=EndReason.OTHER,
    end_reason_raw="their-word",
    updated_at=AT + timedelta(minutes=9, microseconds=1500),
    started_at=AT + timedelta(minutes=1, seconds=2),
    ended_at=AT + timedelta(minutes=3, milliseconds=250),
    duration_ms=118_250,
    agent=Agent(id="agent-1", name="Ada"),
    campaign=Campaign(id="spring"),
    contact=Contact(id="c-1", full_name="Jane"),
    turns=[
        Turn(Role.AGENT, "Hello?", 0, 400, words=[Word("Hello?", 0, 400)]),
        Turn(Role.USER, "Hi."),
    ],
    tool_calls=[ToolCall("look_up", "tc-1", {"q": [1]}, "found", 1, 2)],
    transcript_text="Agent: Hello?",
    analysis=Analysis(summary="Short.", sentiment=Sentiment.NEUTRAL, success=False, custom={"order": None}),
    cost=Cost(amount=Decimal("0.10"), unit="USD", items=[{"part": "llm"}]),
    billing_status="billed",
    latency={"p50": 400},
    usage={"tokens": 7},
    errors={"error_count": 0},
    recording=Recording(enabled=True, url="https://example.com/1.mp3"),
    log_url="https://example.com/1.log",
    privacy=Privacy(opt_out=False),
    telephony=Telephony(sid="CA1"),
    metadata={"order": 7},
    events=[{"event": "started"}],
    vendor_words={"status.completed": "done"},
    vendor_fields={"extra": True},
)
TURNS: list[dict[str, Any]] = [
    {"role": "agent", "text": "Hello?", "start_ms": 0, "end_ms": 400},
    {"role": "user", "text": "Hi.", "start_ms": None, "end_ms": None},
]
IN_WORDS = [TURNS[0] | {"words": [{"word": "Hello?", "start_ms": 0, "end_ms": 400}]}, TURNS[1]]
TOOLS: list[dict[str, Any]] = [
    {
        "name": "look_up",
        "id": "tc-1",
        "arguments": {"q": [1]},
        "result": "found",
        "position": 1,
        "result_position": 2,
        "start_ms": None,
    }
]
PRINTED: dict[str, Any] = {
    "id": uuid(1),
    "vendor": "elsewhere",
    "vendor_call_id": "call-1",
    "trace_id": "trace-1",
    "direction": "inbound",
    "channel": "phone",
    "vendor_type": "pstn",
    "from_number": "+12025550100",
    "to_number": "+33199000001",
    "status": "completed",
    "result": "answered",
    "end_reason": "other",
    "end_reason_raw": "their-word",
    "created_at": "2026-02-03T10:01:00Z",
    "updated_at": "2026-02-03T10:09:00.001500Z",
    "scheduled_at": None,
    "started_at": "2026-02-03T10:01:02Z",
    "ended_at": "2026-02-03T10:03:00.250000Z",
    "duration_ms": 118250,
    "agent": {"id": "agent-1", "name": "Ada", "config": None},
    "campaign": {"id": "spring", "name": None},
    "contact": {"id": "c-1", "full_name": "Jane", "phone_number": None, "email": None, "country": None},
    "turns": IN_WORDS,
    "tool_calls": TOOLS,
    "transcript_text": "Agent: Hello?",
    "analysis": {
        "summary": "Short.",
        "sentiment": "neutral",
        "success": False,
        "voicemail": None,
        "engaged": None,
        "custom": {"order": None},
        "evaluations": None,
    },
    "cost": {"amount": 0.1, "unit": "USD", "items": [{"part": "llm"}]},
    "billing_status": "billed",
    "latency": {"p50": 400},
    "usage": {"tokens": 7},
    "errors": {"error_count": 0},
    "turn_count": 2,
    "recording": {"enabled": True, "url": "https://example.com/1.mp3"},
    "log_url": "https://example.com/1.log",
    "privacy": {"opt_out": False},
    "telephony": {"sid": "CA1", "conference_sid": None, "transport": None},
    "metadata": {"order": 7},
    "events": [{"event": "started"}],
    "vendor_words": {"status.completed": "done"},
    "vendor_fields": {"extra": True},
    "verbatim": None,
    "derived": ["turn_count"],
}
HEAVY = ("turns", "tool_calls", "transcript_text", "events")


def without(*names: str, **changes: Any) -> dict[str, Any]:
    """The call above as it prints without some keys and with others changed."""
    return {name: changes.get(name, value) for name, value in PRINTED.items() if name not in names}


INCLUDED: dict[str, dict[str, Any]] = {
    "turns": without("tool_calls", turns=TURNS),
    "words": without("tool_calls"),
    "turns,words": without("tool_calls"),
    "tools": without("turns", "transcript_text", "events"),
    "turns,tools": without(turns=TURNS),
    "words,tools": PRINTED,
    "turns,words,tools": PRINTED,
}
"""What each `include` prints."""


@pytest.fixture(scope="module")
def full(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.take([FULL])
    return world


def listing(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"calls": list(calls), "next_page_token": None}


# -- the call -------------------------------------------------------------


@pytest.mark.claim("trunkline:call.keys", "trunkline:call.units", "trunkline:call.derived")
@pytest.mark.claim("trunkline:include.get.default", "trunkline:get.canonical_id")
def test_get_prints_the_whole_record_in_its_order(full: World) -> None:
    says(full.get("trunkline", f"/v1/calls/{uuid(1)}"), PRINTED)
    assert '"amount":0.10,' in full.get("trunkline", f"/v1/calls/{uuid(1)}").text


@pytest.mark.claim("trunkline:call.keys")
def test_what_nobody_reported_is_null_and_an_unknown_conversation_absent(world: World) -> None:
    world.take([made(1)])
    told = {"id", "vendor", "vendor_call_id", "status", "created_at"}
    expected = {name: PRINTED[name] if name in told else None for name in PRINTED if name not in HEAVY}
    expected |= {"direction": "unknown", "channel": "unknown"}
    says(world.get("trunkline", f"/v1/calls/{uuid(1)}"), expected)
    says(world.get("trunkline", "/v1/calls?include=turns,words,tools"), listing(expected))


@pytest.mark.claim("trunkline:call.derived")
def test_what_was_derived_is_named_so(world: World) -> None:
    world.see([OWN.from_wire({"vendor_call_id": "c-1", "ended_at": "2026-02-03T10:00:00Z", "turns": []})])
    (call,) = world.get("trunkline", "/v1/calls").json()["calls"]
    assert (call["status"], call["created_at"], call["turn_count"]) == (
        "completed",
        "2026-02-03T10:00:00Z",
        0,
    )
    assert call["derived"] == ["created_at", "status", "turn_count"]


# -- what is included -----------------------------------------------------


@pytest.mark.claim("trunkline:include.list.default", "trunkline:list.envelope")
def test_a_list_prints_no_conversation_by_itself(full: World) -> None:
    says(full.get("trunkline", "/v1/calls"), listing(without(*HEAVY)))


@pytest.mark.claim("trunkline:include.turns", "trunkline:include.words", "trunkline:include.tools")
@pytest.mark.parametrize("include", INCLUDED)
def test_an_answer_holds_what_is_included_and_nothing_else(full: World, include: str) -> None:
    says(full.get("trunkline", f"/v1/calls?include={include}"), listing(INCLUDED[include]))
    says(full.get("trunkline", f"/v1/calls/{uuid(1)}?include={include}"), INCLUDED[include])


# -- TOON -----------------------------------------------------------------


@pytest.mark.claim("trunkline:format.toon", "trunkline:format.accept")
def test_an_empty_list_in_toon(world: World) -> None:
    text = "calls: []\nnext_page_token: null\ntotal_size: 0"
    for query, headers in (
        ("&format=toon", {}),
        ("", {"accept": "text/toon"}),
        ("", {"accept": "text/toon, application/json;q=0.5"}),
        ("&format=toon", {"accept": "application/json"}),
    ):
        asked = world.headers["trunkline"] | headers
        answer = world.get("trunkline", f"/v1/calls?include_total=true{query}", headers=asked)
        assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, TOON, text)


@pytest.mark.claim("trunkline:format.toon", "trunkline:format.accept")
@pytest.mark.parametrize("path", ["/v1/calls", "/v1/calls?include=words,tools", f"/v1/calls/{uuid(1)}"])
def test_toon_says_the_same_as_json(full: World, path: str) -> None:
    plain = full.get("trunkline", path)
    joint = "&" if "?" in path else "?"
    accepting = full.headers["trunkline"] | {"accept": "text/toon"}
    for answer in (
        full.get("trunkline", f"{path}{joint}format=toon"),
        full.get("trunkline", path, headers=accepting),
    ):
        assert answer.headers["content-type"] == TOON
        assert toons.loads(answer.text) == plain.json()


@pytest.mark.claim("trunkline:format.accept")
@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html"])
def test_json_is_what_anybody_else_gets(full: World, accept: str) -> None:
    headers = full.headers["trunkline"] | {"accept": accept}
    says(full.get("trunkline", f"/v1/calls/{uuid(1)}", headers=headers), PRINTED)
    wanting_toon = full.headers["trunkline"] | {"accept": "text/toon"}
    says(full.get("trunkline", f"/v1/calls/{uuid(1)}?format=json", headers=wanting_toon), PRINTED)


@pytest.mark.claim("trunkline:format.errors")
def test_a_refusal_is_json_whatever_was_requested(full: World) -> None:
    headers = full.headers["trunkline"] | {"accept": "text/toon"}
    answer = full.get("trunkline", "/v1/calls?page_size=0&format=toon", headers=headers)
    refuses_parameter(answer, "page_size", "must be between 1 and 1000")


# -- reading --------------------------------------------------------------


@pytest.mark.claim("trunkline:read.round_trip")
def test_what_get_printed_is_read_back_as_the_same_call(full: World, world: World) -> None:
    printed = full.get("trunkline", f"/v1/calls/{uuid(1)}")
    world.see([OWN.from_wire(printed.json())])
    says(world.get("trunkline", f"/v1/calls/{uuid(1)}"), PRINTED)


@pytest.mark.claim("trunkline:read.generous")
def test_a_line_written_by_hand_needs_one_of_two_ids(world: World) -> None:
    world.see([OWN.from_wire({"vendor_call_id": "c-1", "started_at": "2026-02-03 10:00", "mood": "good"})])
    world.see([OWN.from_wire({"id": uuid(7).upper(), "started_at": "2026-02-03T12:00:00+02:00"})])
    rows = world.get("trunkline", "/v1/calls").json()["calls"]
    assert {row["vendor_call_id"] for row in rows} == {"c-1", uuid(7)}
    assert {row["vendor"] for row in rows} == {"trunkline"}
    assert {row["started_at"] for row in rows} == {"2026-02-03T10:00:00Z"}
    assert world.get("trunkline", f"/v1/calls/{uuid(7)}").status_code == 200
    with pytest.raises(Unreadable, match="vendor_call_id: an id is required"):
        OWN.from_wire({"started_at": "2026-02-03T10:00:00Z"})


@pytest.mark.claim("trunkline:read.closed_words")
@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"status": "ended"}, "status", Status),
        ({"result": "success"}, "result", Result),
        ({"direction": "sideways"}, "direction", Direction),
        ({"channel": "fax"}, "channel", Channel),
        ({"end_reason": "bored"}, "end_reason", EndReason),
        ({"analysis": {"sentiment": "Positive"}}, "analysis.sentiment", Sentiment),
        ({"turns": [{"role": "bot", "text": "Hi."}]}, "turns[0].role", Role),
    ],
)
def test_a_word_outside_our_lists_is_left_out_and_the_field_named(
    changes: dict[str, Any], path: str, words: Any
) -> None:
    sighting = OWN.from_wire({"vendor_call_id": "c-1"} | changes)
    assert isinstance(sighting.problems, dict)
    assert {where: one.expected for where, one in sighting.problems.items()} == {
        path: f"one of {', '.join(words)}"
    }
    assert sighting.vendor_call_id == "c-1"
