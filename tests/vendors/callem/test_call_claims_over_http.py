"""How Callem prints a call: its thirteen keys, words, numbers, times, and what is null."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.callem.samples import AT, PAYLOAD, elsewhere, hex_id, made, page
from trunkline.model.call import Agent, Analysis, Campaign, Contact, Cost, Recording, ToolCall, Turn, Word
from trunkline.model.ids import digest
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors import dialects

CALLEM = dialects()["callem"]
KEYS = [
    *("id", "status", "duration", "summary", "evaluation", "endedReason", "callerNumber", "calledNumber"),
    *("isEngaged", "callAnalysis", "transcript", "createdAt", "updatedAt"),
]
UNKNOWN: dict[str, Any] = {
    "id": hex_id(1),
    "status": "completed",
    "duration": 0,
    "summary": None,
    "evaluation": None,
    "endedReason": None,
    "callerNumber": None,
    "calledNumber": None,
    "isEngaged": False,
    "callAnalysis": None,
    "transcript": [],
    "createdAt": "2025-12-15T14:30:01.000Z",
    "updatedAt": "2025-12-15T14:30:01.000Z",
}
"""A call of which nothing was reported but that it took place."""


def rows(world: World) -> list[dict[str, Any]]:
    """All calls as the list prints them, the oldest first."""
    found: list[dict[str, Any]] = world.get("callem", "/v1/calls?limit=1000").json()["data"]
    return found[::-1]


def one(world: World) -> dict[str, Any]:
    (row,) = rows(world)
    return row


# -- keys and nulls -------------------------------------------------------


@pytest.mark.claim("callem:call.keys", "callem:call.round_trip", "callem:call.id", "callem:call.times")
@pytest.mark.claim(
    "callem:list.transcript", "callem:get.bare", "callem:list.envelope", "callem:call.analysis"
)
def test_the_vendors_example_comes_back_to_the_letter_in_list_and_get(world: World) -> None:
    world.see([CALLEM.from_wire(PAYLOAD)])
    listed = world.get("callem", "/v1/calls?limit=50&offset=0")
    says(listed, {"data": [PAYLOAD], "pagination": page(1, 50, 0)})
    says(world.get("callem", f"/v1/calls/{PAYLOAD['id']}"), PAYLOAD)


HIDDEN = {
    "projectId": "hidden-project",
    "agentCollectionId": "hidden-agent",
    "messagesIds": ["hidden-message"],
    "audio": "https://example.com/hidden-audio.mp3",
    "totalCost": 99.125,
    "transcriptionMetadata": {"model": "hidden-model"},
}


@pytest.mark.claim("callem:call.excluded", "callem:call.keys")
def test_what_the_vendor_hides_shows_in_no_answer(world: World) -> None:
    world.take_payload(CALLEM.from_wire(PAYLOAD | HIDDEN), PAYLOAD | HIDDEN)
    for path in ("/v1/calls", f"/v1/calls/{PAYLOAD['id']}"):
        text = world.get("callem", path).text
        assert not any(word in text for word in (*HIDDEN, "hidden", "99.125")), text
    assert list(one(world).items()) == list(PAYLOAD.items())


@pytest.mark.claim("callem:call.keys", "callem:call.excluded", "callem:call.id.derived")
@pytest.mark.claim("callem:call.transcript.roles", "callem:list.transcript", "callem:get.bare")
def test_a_call_of_another_vendor_prints_thirteen_keys_and_is_found_by_its_hex_digits(world: World) -> None:
    call = elsewhere(
        1,
        trace_id="t-1",
        direction=Direction.OUTBOUND,
        channel=Channel.WEB,
        vendor_type="web",
        from_number="+33612345678",
        to_number="+33198765432",
        result=Result.ANSWERED,
        end_reason=EndReason.AGENT_HANGUP,
        end_reason_raw="assistant-ended-call",
        updated_at=AT + timedelta(minutes=3, milliseconds=4),
        started_at=AT + timedelta(seconds=2),
        ended_at=AT + timedelta(minutes=2),
        duration_ms=118_250,
        agent=Agent(id="a-1", name="Ada"),
        campaign=Campaign(id="spring"),
        contact=Contact(full_name="Jane"),
        turns=[
            Turn(Role.AGENT, "Hello?", start_ms=0, end_ms=400, words=[Word("Hello?", 0, 400)]),
            Turn(Role.USER, "Hi."),
        ],
        tool_calls=[ToolCall(name="end_call", position=2)],
        analysis=Analysis(
            summary="Short.",
            sentiment=Sentiment.POSITIVE,
            success=False,
            voicemail=False,
            engaged=True,
            custom={"order": [1, None]},
        ),
        cost=Cost(amount=Decimal("0.12"), unit="USD"),
        recording=Recording(url="https://example.com/1.mp3"),
        metadata={"a": 1},
        events=[{"event": "started"}],
    )
    world.take([call])
    expected = {
        "id": digest(call.id).hex[:24],
        "status": "completed",
        "duration": 118.25,
        "summary": "Short.",
        "evaluation": "fail",
        "endedReason": "agent_hangup",
        "callerNumber": "+33612345678",
        "calledNumber": "+33198765432",
        "isEngaged": True,
        "callAnalysis": {"order": [1, None]},
        "transcript": [{"role": "assistant", "content": "Hello?"}, {"role": "user", "content": "Hi."}],
        "createdAt": "2025-12-15T14:30:01.000Z",
        "updatedAt": "2025-12-15T14:33:00.004Z",
    }
    assert list(expected) == KEYS
    says(world.get("callem", "/v1/calls"), {"data": [expected], "pagination": page(1, 100, 0)})
    says(world.get("callem", f"/v1/calls/{expected['id']}"), expected)


@pytest.mark.claim("callem:call.nullable", "callem:call.duration.unknown", "callem:call.engaged")
@pytest.mark.claim("callem:call.transcript.empty", "callem:call.updated.unknown", "callem:call.keys")
def test_what_nobody_reported_is_null_zero_false_or_empty(world: World) -> None:
    world.take([made(1)])
    says(world.get("callem", f"/v1/calls/{hex_id(1)}"), UNKNOWN)
    says(world.get("callem", "/v1/calls"), {"data": [UNKNOWN], "pagination": page(1, 100, 0)})


# -- words ----------------------------------------------------------------


@pytest.mark.claim("callem:call.status.words", "callem:call.status.not_ended", "callem:call.status.ended")
def test_a_call_is_live_until_it_is_over_and_completed_however_it_ended(world: World) -> None:
    world.take([elsewhere(n, status=status) for n, status in enumerate(Status)])
    printed = dict(zip(Status, (row["status"] for row in rows(world)), strict=True))
    live = {Status.SCHEDULED, Status.QUEUED, Status.RINGING, Status.IN_PROGRESS}
    assert printed == {status: "live" if status in live else "completed" for status in Status}


@pytest.mark.claim("callem:call.evaluation")
def test_an_evaluation_is_success_fail_or_null(world: World) -> None:
    told = [True, False, None]
    world.take([elsewhere(n, analysis=Analysis(success=success)) for n, success in enumerate(told)])
    assert [row["evaluation"] for row in rows(world)] == ["success", "fail", None]


@pytest.mark.claim("callem:call.engaged", "callem:call.engaged.foreign")
def test_a_call_of_another_vendor_is_engaged_if_its_user_spoke_unless_it_is_stated(world: World) -> None:
    spoke, silent = [Turn(Role.USER, "Hi.")], [Turn(Role.AGENT, "Hello?")]
    world.take(
        [
            elsewhere(1, turns=spoke),
            elsewhere(2, turns=silent),
            elsewhere(3),
            elsewhere(4, turns=silent, analysis=Analysis(engaged=True)),
            elsewhere(5, turns=spoke, analysis=Analysis(engaged=False)),
        ]
    )
    assert [row["isEngaged"] for row in rows(world)] == [True, False, False, True, False]


@pytest.mark.claim("callem:call.ended_reason.foreign", "callem:call.ended_reason.other")
def test_a_reason_prints_in_the_vendors_word_and_an_unlisted_one_as_it_was_reported(world: World) -> None:
    words = [
        *("user_hangup", "agent_hangup", "transfer", "voicemail", "ivr", "no_answer", "busy", "declined"),
        *("max_duration", "inactivity", "canceled", "spam", "invalid_number", "blocked"),
        *("concurrency_limit", "no_credit", "not_connected", "connection_lost", "carrier_error"),
        *("agent_error", "error"),
    ]
    assert [*words, "other"] == [reason.value for reason in EndReason]
    world.take([elsewhere(n, end_reason=r, end_reason_raw="SIP_603") for n, r in enumerate(EndReason)])
    assert [row["endedReason"] for row in rows(world)] == [*words, "SIP_603"]


@pytest.mark.claim("callem:call.ended_reason")
@pytest.mark.parametrize("reason", ["user_hangup", "assistant-forwarded-call", "User_Hangup", "error", ""])
def test_an_own_reason_comes_back_as_it_came_in(world: World, reason: str) -> None:
    world.see([CALLEM.from_wire(PAYLOAD | {"endedReason": reason})])
    assert one(world)["endedReason"] == reason


@pytest.mark.claim("callem:call.analysis")
def test_an_analysis_of_ours_is_no_custom_field(world: World) -> None:
    everything = Analysis(
        summary="S", sentiment=Sentiment.NEUTRAL, success=True, voicemail=True, engaged=True
    )
    world.take([elsewhere(1, analysis=everything)])
    assert one(world)["callAnalysis"] is None


# -- numbers and times ----------------------------------------------------


@pytest.mark.claim("callem:call.duration.seconds", "callem:call.duration.fraction")
@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0"), (1, "0.001"), (500, "0.5"), (145_000, "145"), (39_812, "39.812")]
)
def test_a_duration_counts_seconds(world: World, ms: int, text: str) -> None:
    world.take([elsewhere(1, duration_ms=ms)])
    assert f'"duration":{text},' in world.get("callem", "/v1/calls").text


@pytest.mark.claim("callem:call.duration.unknown")
def test_a_live_call_prints_0_and_its_0_is_read_as_not_known(world: World) -> None:
    live = PAYLOAD | {"status": "live", "duration": 0, "endedReason": None, "evaluation": None}
    world.see([CALLEM.from_wire(live)])
    assert one(world) == live
    (call,) = world.get("trunkline", "/v1/calls").json()["calls"]
    assert (call["status"], call["duration_ms"]) == ("in_progress", None)


@pytest.mark.claim("callem:call.times")
@pytest.mark.parametrize(
    ("microseconds", "printed"),
    [(0, "00.000Z"), (7000, "00.007Z"), (120_000, "00.120Z"), (999_999, "00.999Z")],
)
def test_times_have_three_decimals_and_a_z(world: World, microseconds: int, printed: str) -> None:
    at = AT.replace(microsecond=microseconds)
    world.take([elsewhere(1, created_at=at, updated_at=at)])
    row = one(world)
    assert (row["createdAt"], row["updatedAt"]) == (f"2025-12-15T14:30:{printed}",) * 2


@pytest.mark.claim("callem:call.updated.unknown")
def test_an_update_that_was_not_reported_is_the_last_instant_that_is_known(world: World) -> None:
    told = {"started_at": AT + timedelta(minutes=1), "ended_at": AT + timedelta(minutes=2)}
    updated = {"updated_at": AT + timedelta(minutes=3)}
    started = {"started_at": told["started_at"]}
    world.take([elsewhere(n, **times) for n, times in enumerate([{}, started, told, told | updated])])
    minutes = [row["updatedAt"][14:16] for row in rows(world)]
    assert minutes == ["30", "31", "32", "33"]


# -- reading --------------------------------------------------------------

ROUND_TRIPS: list[dict[str, Any]] = [
    {"duration": 39.812},
    {"duration": 0},
    {"duration": "145"},
    {"evaluation": "fail"},
    {"evaluation": "partial"},
    {"summary": None, "evaluation": None, "endedReason": None, "callAnalysis": None},
    {"callerNumber": None, "calledNumber": None},
    {"callerNumber": "anonymous"},
    {"isEngaged": False},
    {"callAnalysis": {}},
    {"callAnalysis": {"score": 3, "tags": ["a"], "note": None}},
    {"transcript": []},
    {"status": "live", "duration": 12},
    {"createdAt": "2025-12-15T14:30:00.123Z"},
]


@pytest.mark.claim("callem:call.round_trip")
@pytest.mark.parametrize("changes", ROUND_TRIPS, ids=" ".join)
def test_an_own_call_comes_back_with_the_values_that_came_in(world: World, changes: dict[str, Any]) -> None:
    world.take_payload(CALLEM.from_wire(PAYLOAD | changes), PAYLOAD | changes)
    says(world.get("callem", f"/v1/calls/{PAYLOAD['id']}"), PAYLOAD | changes)


@pytest.mark.claim("callem:read.derived")
def test_result_start_and_end_follow_and_are_marked_as_derived(world: World) -> None:
    world.see([CALLEM.from_wire(PAYLOAD)])
    (call,) = world.get("trunkline", "/v1/calls").json()["calls"]
    assert call["result"] == "answered"
    assert (call["started_at"], call["ended_at"]) == ("2025-12-15T14:30:00Z", "2025-12-15T14:32:25Z")
    assert call["derived"] == ["ended_at", "result", "started_at", "turn_count"]


WEBHOOK = {
    "id": PAYLOAD["id"],
    "agentCollectionId": "665f0c",
    "agentVersionNumber": 3,
    "callerNum": "+33612345678",
    "calledNum": "+33198765432",
    "isLive": False,
    "createdAt": "2025-12-15T14:30:00.000Z",
    "duration": 145.25,
    "isEngaged": True,
    "totalInteraction": 2,
    "transcription": [
        {"speaker": "Agent", "text": PAYLOAD["transcript"][0]["content"], "startTime": 0.4},
        {"speaker": "Tool", "text": "", "startTime": 2, "data": {"toolName": "check_calendar"}},
        {"speaker": "User", "text": PAYLOAD["transcript"][1]["content"], "startTime": 3.25},
    ],
    "updatedAt": "2025-12-15T14:32:25.000Z",
}


@pytest.mark.claim("callem:read.webhook")
def test_a_webhook_alone_prints_as_rest_would_print_it(world: World) -> None:
    world.see([CALLEM.from_wire(WEBHOOK)])
    unknown = dict.fromkeys(("summary", "evaluation", "endedReason", "callAnalysis"))
    says(world.get("callem", f"/v1/calls/{PAYLOAD['id']}"), PAYLOAD | {"duration": 145.25} | unknown)


@pytest.mark.claim("callem:read.webhook")
@pytest.mark.parametrize(
    "order", [(PAYLOAD, WEBHOOK), (WEBHOOK, PAYLOAD)], ids=["rest first", "webhook first"]
)
def test_a_webhook_and_rest_make_one_call_with_what_both_say(world: World, order: Any) -> None:
    for payload in order:
        world.see([CALLEM.from_wire(payload)])
    row = one(world)
    assert {**row, "duration": 145} == PAYLOAD
    call = world.get("trunkline", "/v1/calls?include=turns,tools").json()["calls"][0]
    assert call["agent"] == {"id": "665f0c", "name": None, "config": {"agentVersionNumber": 3}}
    assert [tool["name"] for tool in call["tool_calls"]] == ["check_calendar"]
