"""Status, reason, type, transport and transcript in Butter's words, both ways."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.butter.samples import a_detail, a_row, elsewhere, got, listed, ours, shown
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Telephony, ToolCall, Turn
from trunkline.model.words import Channel, Direction, EndReason, Role, Status
from trunkline.vendors import dialects
from trunkline.vendors.butter.recognition import SAVED

BUTTER = dialects()["butter"]


def back(world: World, raw: dict[str, Any]) -> dict[str, Any]:
    """Take in a payload of the vendor's own: what get prints of it."""
    world.see([BUTTER.from_wire(raw)])
    found: dict[str, Any] = world.get("butter", f"/api/calls/{raw['call_sid']}").json()["data"]
    return found


# -- status and reason ----------------------------------------------------


@pytest.mark.claim("butter:call.status.words", "butter:call.status.in_progress")
@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.SCHEDULED, "queued"),
        (Status.QUEUED, "queued"),
        (Status.RINGING, "ringing"),
        (Status.IN_PROGRESS, "in_progress"),
        (Status.COMPLETED, "completed"),
        (Status.NO_ANSWER, "no-answer"),
        (Status.BUSY, "busy"),
        (Status.VOICEMAIL, "completed"),
        (Status.FAILED, "failed"),
        (Status.CANCELED, "canceled"),
        (Status.INCOMPLETE, "completed"),
    ],
)
def test_every_status_has_a_word(world: World, status: Status, word: str) -> None:
    in_list, in_get = shown(world, elsewhere(1, status=status))
    assert (in_list["status"], in_get["status"]) == (word, word)


@pytest.mark.claim("butter:call.status.words", "butter:call.status.variant", "butter:call.result")
@pytest.mark.parametrize(
    ("word", "reason", "turns", "printed", "status", "result"),
    [
        ("queued", None, 0, "queued", "queued", None),
        ("initiated", None, 0, "initiated", "queued", None),
        ("ringing", None, 0, "ringing", "ringing", None),
        ("in_progress", None, 2, "in_progress", "in_progress", None),
        ("in-progress", None, 2, "in_progress", "in_progress", None),
        ("completed", "user_hangup", 7, "completed", "completed", "answered"),
        ("completed", "user_hangup", 0, "completed", "completed", None),
        ("completed", "voicemail", 1, "completed", "completed", "voicemail"),
        ("busy", None, 0, "busy", "busy", "busy"),
        ("no-answer", None, 0, "no-answer", "no_answer", "no_answer"),
        ("failed", "error", 0, "failed", "failed", "failed"),
        ("canceled", "canceled", 0, "canceled", "canceled", "failed"),
        ("parked", None, 0, "parked", "incomplete", None),
    ],
)
def test_a_status_of_the_vendors_own_comes_back_and_states_the_result(
    world: World, word: str, reason: str | None, turns: int, printed: str, status: str, result: str | None
) -> None:
    raw = a_row(status=word, end_reason=reason, turn_count=turns)
    world.see([BUTTER.from_wire(raw)])
    says(world.get("butter", "/api/calls"), listed([raw | {"status": printed}]))
    assert world.get("butter", f"/api/calls/{raw['call_sid']}").json()["data"]["status"] == printed
    call = ours(world, raw["call_sid"])
    assert (call["status"], call["result"]) == (status, result)
    assert ("result" in (call["derived"] or ())) is (result is not None)


@pytest.mark.claim("butter:call.end_reason", "butter:call.end_reason.words", "butter:call.summary")
@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (EndReason.USER_HANGUP, "user_hangup"),
        (EndReason.AGENT_HANGUP, "tool_end_call"),
        (EndReason.TRANSFER, "transfer"),
        (EndReason.VOICEMAIL, "voicemail"),
        (EndReason.NO_ANSWER, "no_answer"),
        (EndReason.BUSY, "busy"),
        (EndReason.MAX_DURATION, "max_duration"),
        (EndReason.INACTIVITY, "inactivity"),
        (EndReason.CANCELED, "canceled"),
        (EndReason.ERROR, "error"),
        (EndReason.OTHER, "Pipeline-Error"),
        (None, None),
    ],
)
def test_a_reason_is_in_the_row_and_in_the_details_summary(
    world: World, reason: EndReason | None, word: str | None
) -> None:
    in_list, in_get = shown(world, elsewhere(1, end_reason=reason, end_reason_raw="Pipeline-Error"))
    assert (in_list["end_reason"], in_get["summary"]["end_reason"]) == (word, word)
    assert "end_reason" not in in_get


@pytest.mark.claim("butter:call.end_reason", "butter:call.end_reason.words")
@pytest.mark.parametrize("word", ["tool_end_call", "user_hangup", "silence_timeout", "Weird Reason"])
def test_a_reason_of_the_vendors_own_comes_back_as_it_came_in(world: World, word: str) -> None:
    world.see([BUTTER.from_wire(a_row(end_reason=word))])
    says(world.get("butter", "/api/calls"), listed([a_row(end_reason=word)]))


# -- type and transport ---------------------------------------------------


@pytest.mark.claim("butter:call.type.words", "butter:call.type.unknown")
@pytest.mark.parametrize(
    ("direction", "channel", "word"),
    [
        (Direction.INBOUND, Channel.PHONE, "inbound"),
        (Direction.OUTBOUND, Channel.WEB, "outbound"),
        (Direction.OUTBOUND, Channel.TEST, "preview"),
        (Direction.UNKNOWN, Channel.TEST, "preview"),
        (Direction.UNKNOWN, Channel.UNKNOWN, "inbound"),
    ],
)
def test_every_type_follows_from_direction_and_channel(
    world: World, direction: Direction, channel: Channel, word: str
) -> None:
    for answer in shown(world, elsewhere(1, direction=direction, channel=channel)):
        assert answer["call_type"] == word


@pytest.mark.claim("butter:call.type.words", "butter:call.transport")
@pytest.mark.parametrize(
    ("kind", "transport", "direction", "channel"),
    [
        ("inbound", "twilio", "inbound", "phone"),
        ("outbound", "sip", "outbound", "phone"),
        ("inbound", "webrtc", "inbound", "web"),
        ("preview", "webrtc", "unknown", "test"),
        ("campaign", "pigeon", "unknown", "unknown"),
    ],
)
def test_type_and_transport_of_the_vendors_own_come_back(
    world: World, kind: str, transport: str, direction: str, channel: str
) -> None:
    raw = a_detail(call_type=kind, transport=transport)
    assert back(world, raw) == raw
    call = ours(world, raw["call_sid"])
    assert (call["direction"], call["channel"]) == (direction, channel)


@pytest.mark.claim("butter:call.transport.unknown")
@pytest.mark.parametrize(
    ("channel", "told", "transport"),
    [
        (Channel.WEB, None, "webrtc"),
        (Channel.PHONE, None, None),
        (Channel.PHONE, "sip", "sip"),
        (Channel.UNKNOWN, None, None),
    ],
)
def test_a_transport_is_as_reported_and_webrtc_on_the_web(
    world: World, channel: Channel, told: str | None, transport: str | None
) -> None:
    call = elsewhere(1, channel=channel, telephony=Telephony(transport=told))
    assert shown(world, call)[1]["transport"] == transport


# -- conversation ---------------------------------------------------------


@pytest.mark.claim("butter:call.turns", "butter:call.turns.tool_call", "butter:call.transcript")
def test_a_conversation_without_times_has_null_for_them(world: World) -> None:
    tools = [ToolCall("look_up", "tc_0", position=0), ToolCall("end", "tc_2", "now", "done", 2, 3)]
    call = elsewhere(1, turns=[Turn(Role.AGENT, "Hi."), Turn(Role.USER, "Hello.", 900)], tool_calls=tools)
    in_get = shown(world, call)[1]
    untimed = {"relative_start_time": None, "relative_end_time": None, "duration_seconds": None}
    tool: dict[str, Any] = {"type": "tool_call", "relative_time": None}
    assert in_get["turns"] == [
        {"turn_number": 1}
        | untimed
        | {"events": [tool | {"tool_call_id": "tc_0", "tool_name": "look_up", "arguments": None}]},
        {"turn_number": 2}
        | untimed
        | {
            "events": [
                {"type": "assistant_response", "text": "Hi.", "relative_time": None},
                tool | {"tool_call_id": "tc_2", "tool_name": "end", "arguments": "now", "result": "done"},
            ]
        },
        {"turn_number": 3}
        | untimed
        | {"relative_start_time": 0.9}
        | {"events": [{"type": "user_speech", "text": "Hello.", "relative_time": 0.9}]},
    ]
    assert in_get["transcript"] == [
        {"speaker": "assistant", "text": "Hi."},
        {"speaker": "user", "text": "Hello."},
    ]


@pytest.mark.claim("butter:call.turns.shape", "butter:call.transcript")
def test_turns_and_tool_calls_of_the_vendors_own_are_read(world: World) -> None:
    raw = a_detail()
    back(world, raw)
    call = ours(world, raw["call_sid"], "include=turns,tools")
    assert [(turn["role"], turn["start_ms"], turn["end_ms"]) for turn in call["turns"]] == [
        ("agent", 800, 4310),
        ("user", 5020, 9900),
        ("agent", 10350, 14560),
    ]
    assert [turn["text"] for turn in call["turns"]] == [line["text"] for line in raw["transcript"]]
    (tool,) = call["tool_calls"]
    assert (tool["name"], tool["id"], tool["start_ms"]) == ("set_drop_off", "tc_77", 7400)
    assert (tool["arguments"], tool["result"]) == ({"place": "neighbour"}, {"saved": True})


@pytest.mark.claim("butter:read.transcript")
@pytest.mark.parametrize(
    "turns",
    [
        pytest.param(UNSET, id="no turns"),
        pytest.param([], id="empty turns"),
        pytest.param(
            [{"turn_number": n, "events": [{"type": "utterance", "relative_time": n}]} for n in (1, 2, 3)],
            id="events without a text",
        ),
    ],
)
def test_the_transcript_states_what_the_turns_do_not(world: World, turns: Any) -> None:
    raw = a_detail(turns=turns)
    found = back(world, raw)
    assert found["transcript"] == raw["transcript"]
    call = ours(world, raw["call_sid"], "include=turns")
    assert [turn["text"] for turn in call["turns"]] == [line["text"] for line in raw["transcript"]]
    assert [turn["role"] for turn in call["turns"]] == ["agent", "user", "agent"]


# -- reading --------------------------------------------------------------


@pytest.mark.claim("butter:read.wrappers")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda call: call,
        lambda call: [call],
        lambda call: {"success": True, "data": call},
        lambda call: {"success": True, "data": [call], "pagination": {"total_count": 1}},
    ],
    ids=["bare", "plain list", "get", "list"],
)
def test_a_call_is_found_in_every_wrapper(world: World, wrap: Any) -> None:
    raw = a_detail()
    world.see([BUTTER.from_wire(found) for found in SAVED.calls_in(wrap(raw)) or ()])
    says(world.get("butter", f"/api/calls/{raw['call_sid']}"), got(raw))


@pytest.mark.claim("butter:read.callback")
def test_a_status_callback_is_read_in_the_lists_words_only(world: World) -> None:
    world.see([BUTTER.from_wire(a_row(status="initiated", end_reason=None, end_time=None))])
    callback = {"call_sid": a_row()["call_sid"], "status": "in-progress", "to_number": "+15559876543"}
    world.see([BUTTER.from_wire(callback)])
    assert world.get("butter", "/api/calls").json()["data"][0]["status"] == "in_progress"
    carriers = {"CallSid": a_row()["call_sid"], "CallStatus": "completed", "CallDuration": "12"}
    assert not SAVED.fits(carriers)
    with pytest.raises(Unreadable):
        BUTTER.from_wire(carriers)
