"""How ContactShip prints a call: keys, words, numbers, times and what is null."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.contactship.samples import AGENT, AT, CAMPAIGN, CONTACT, PAYLOAD, elsewhere, made, uuid
from trunkline.model.call import Agent, Analysis, Campaign, Contact, Cost, Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Direction, EndReason, Result, Sentiment, Status
from trunkline.vendors import dialects

CONTACTSHIP = dialects()["contactship"]
KEYS = list(PAYLOAD)
UNKNOWN = dict.fromkeys(KEYS) | {
    "id": uuid(1),
    "direction": "inbound",
    "call_status": "completed",
    "type": "ai_call",
    "created_at": "2026-03-15T14:31:00Z",
}
"""A call of which nothing was reported but that it took place."""


def printed(world: World, number: int = 1) -> Any:
    answer = world.get("contactship", f"/v1/calls/{uuid(number)}?include_transcript=false")
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- keys and nulls -------------------------------------------------------


@pytest.mark.claim("contactship:call.keys", "contactship:call.contact", "contactship:call.analysis")
@pytest.mark.claim("contactship:call.id", "contactship:call.cost", "contactship:call.round_trip")
def test_the_vendors_example_comes_back_to_the_letter(world: World) -> None:
    told = {**PAYLOAD, "to_number": "+14155552678", "price": 0.12, "price_unit": "USD"}
    world.see([CONTACTSHIP.from_wire(told)])
    says(world.get("contactship", "/v1/calls?limit=20&offset=0"), {"data": [PAYLOAD], "count": 1})


@pytest.mark.claim(
    "contactship:call.keys", "contactship:call.contact", "contactship:call.cost", "contactship:call.id"
)
def test_a_call_of_another_vendor_prints_in_full(world: World) -> None:
    call = elsewhere(
        1,
        direction=Direction.OUTBOUND,
        channel=Channel.PHONE,
        vendor_type="pstn",
        from_number="+12025551234",
        to_number="+14155552678",
        result=Result.ANSWERED,
        end_reason=EndReason.USER_HANGUP,
        end_reason_raw="customer-ended-call",
        updated_at=AT + timedelta(minutes=9),
        started_at=AT + timedelta(minutes=1, seconds=5),
        ended_at=AT + timedelta(minutes=2, milliseconds=250),
        duration_ms=55_250,
        agent=Agent(id=AGENT, name="Ada"),
        campaign=Campaign(id=CAMPAIGN, name="Spring"),
        contact=Contact(id=CONTACT["id"], full_name="Jane Smith", phone_number="+14155552678"),
        analysis=Analysis(summary="Asked for a demo.", sentiment=Sentiment.POSITIVE),
        cost=Cost(amount=Decimal("0.12"), unit="USD"),
        recording=Recording(enabled=True, url="https://example.com/1.mp3"),
        latency={"p50": 400},
        metadata={"order": 7},
    )
    world.take([call])
    expected = {
        "id": uuid(1),
        "direction": "outbound",
        "from": "+12025551234",
        "call_record": "https://example.com/1.mp3",
        "call_status": "completed",
        "call_result": "answered",
        "disconnection_reason": "user_hangup",
        "finished_at": "2026-03-15T14:32:00.250000Z",
        "start_at": "2026-03-15T14:31:05Z",
        "duration": 55.25,
        "call_analysis": {"summary": "Asked for a demo.", "sentiment": "positive"},
        "type": "ai_call",
        "created_at": "2026-03-15T14:31:00Z",
        "agent_id": AGENT,
        "campaign_id": CAMPAIGN,
        "contact": {
            "id": CONTACT["id"],
            "full_name": "Jane Smith",
            "phone_number": "+14155552678",
            "email": None,
            "country": None,
        },
    }
    says(world.get("contactship", "/v1/calls"), {"data": [expected], "count": 1})
    del expected["campaign_id"]
    says(world.get("contactship", f"/v1/calls/{uuid(1)}?include_transcript=false"), expected)


@pytest.mark.claim(
    "contactship:call.nullable", "contactship:call.direction.unknown", "contactship:get.campaign"
)
@pytest.mark.parametrize("make", [made, elsewhere])
def test_what_nobody_reported_is_null(world: World, make: Any) -> None:
    world.take([make(1)])
    says(world.get("contactship", "/v1/calls"), {"data": [UNKNOWN], "count": 1})
    in_get = {name: value for name, value in UNKNOWN.items() if name != "campaign_id"}
    says(world.get("contactship", f"/v1/calls/{uuid(1)}?include_transcript=false"), in_get)


@pytest.mark.claim("contactship:call.nullable", "contactship:call.contact", "contactship:call.analysis")
def test_an_empty_contact_and_an_empty_analysis_still_have_their_keys(world: World) -> None:
    world.take([made(1, contact=Contact(), analysis=Analysis())])
    contact = dict.fromkeys(CONTACT)
    expected = UNKNOWN | {"contact": contact, "call_analysis": {"summary": None, "sentiment": None}}
    says(world.get("contactship", "/v1/calls"), {"data": [expected], "count": 1})


# -- words ----------------------------------------------------------------


@pytest.mark.claim("contactship:call.direction", "contactship:call.direction.unknown")
def test_a_direction_is_one_of_two_words(world: World) -> None:
    world.take([made(n, direction=direction) for n, direction in enumerate(Direction)])
    rows = world.get("contactship", "/v1/calls?order=asc").json()["data"]
    assert [row["direction"] for row in rows] == ["inbound", "outbound", "inbound"]


@pytest.mark.claim("contactship:call.reason", "contactship:call.reason.foreign")
def test_a_reason_prints_in_the_vendors_word_and_an_unlisted_one_as_it_was_reported(world: World) -> None:
    words = {
        EndReason.USER_HANGUP: "user_hangup",
        EndReason.AGENT_HANGUP: "agent_hangup",
        EndReason.TRANSFER: "call_transfer",
        EndReason.VOICEMAIL: "voicemail_reached",
        EndReason.IVR: "ivr_reached",
        EndReason.NO_ANSWER: "no_answer",
        EndReason.BUSY: "busy",
        EndReason.DECLINED: "user_declined",
        EndReason.MAX_DURATION: "max_duration_reached",
        EndReason.INACTIVITY: "inactivity",
        EndReason.CANCELED: "canceled",
        EndReason.SPAM: "marked_as_spam",
        EndReason.INVALID_NUMBER: "invalid_destination",
        EndReason.BLOCKED: "telephony_provider_permission_denied",
        EndReason.CONCURRENCY_LIMIT: "concurrency_limit_reached",
        EndReason.NO_CREDIT: "no_valid_payment",
        EndReason.NOT_CONNECTED: "registered_call_timeout",
        EndReason.CONNECTION_LOST: "connection_lost",
        EndReason.CARRIER_ERROR: "telephony_provider_unavailable",
        EndReason.AGENT_ERROR: "agent_error",
        EndReason.ERROR: "failed",
        EndReason.OTHER: "their-word",
    }
    assert list(words) == list(EndReason)
    calls = [elsewhere(n, end_reason=r, end_reason_raw="their-word") for n, r in enumerate(words)]
    world.take(calls)
    world.see([CONTACTSHIP.from_wire(PAYLOAD | {"id": uuid(50), "disconnection_reason": "sip_603"})])
    rows = world.get("contactship", "/v1/calls?order=asc&limit=50").json()["data"]
    reasons = {row["id"]: row["disconnection_reason"] for row in rows}
    assert reasons == {uuid(n): word for n, word in enumerate(words.values())} | {uuid(50): "sip_603"}


TYPES = [
    *("ai_call", "test_web_call", "test_phone_call", "api_call", "platform_contact_call", "campaign_call"),
    *("inbound_call", "widget_web_call", "web_call", "brand_new_call"),
]


@pytest.mark.claim("contactship:call.type")
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_comes_back_as_it_came_in(world: World, kind: str) -> None:
    world.see([CONTACTSHIP.from_wire(PAYLOAD | {"type": kind})])
    says(world.get("contactship", "/v1/calls"), {"data": [PAYLOAD | {"type": kind}], "count": 1})


@pytest.mark.claim("contactship:call.type.foreign")
def test_another_vendors_call_prints_the_type_of_its_channel(world: World) -> None:
    world.take([elsewhere(n, channel=channel, vendor_type="x") for n, channel in enumerate(Channel)])
    rows = world.get("contactship", "/v1/calls?order=asc").json()["data"]
    types = dict(zip(Channel, (row["type"] for row in rows), strict=True))
    assert types == {
        Channel.PHONE: "ai_call",
        Channel.WEB: "web_call",
        Channel.TEST: "test_web_call",
        Channel.UNKNOWN: "ai_call",
    }


@pytest.mark.claim("contactship:call.status.voicemail")
def test_the_two_words_for_voicemail_are_stored_apart(world: World) -> None:
    for number, word in enumerate(("answering-machine", "voice_mail"), 1):
        world.see([CONTACTSHIP.from_wire(PAYLOAD | {"id": uuid(number), "call_status": word})])
        assert printed(world, number)["call_status"] == word
    world.take([elsewhere(3, status=Status.VOICEMAIL)])
    assert printed(world, 3)["call_status"] == "voice_mail"


@pytest.mark.claim("contactship:call.analysis", "contactship:call.analysis.more")
def test_an_analysis_states_the_seeds_keys_first_and_the_rest_by_name(world: World) -> None:
    evaluations = [{"key": "greeting", "result": "success", "score": 1}]
    analysis = Analysis(
        summary="Short.",
        sentiment=Sentiment.NEUTRAL,
        success=True,
        voicemail=False,
        evaluations=evaluations,
        custom={"lead_quality": "hot"},
    )
    world.take([elsewhere(1, analysis=analysis), elsewhere(2, analysis=Analysis(success=False))])
    expected = {
        "summary": "Short.",
        "sentiment": "neutral",
        "call_successful": True,
        "in_voicemail": False,
        "evaluation_results": evaluations,
        "lead_quality": "hot",
    }
    assert list(printed(world)["call_analysis"].items()) == list(expected.items())
    assert printed(world, 2)["call_analysis"] == {
        "summary": None,
        "sentiment": None,
        "call_successful": False,
    }


@pytest.mark.claim("contactship:call.analysis", "contactship:call.analysis.clash")
def test_a_teams_own_field_does_not_replace_a_documented_one(world: World) -> None:
    custom = {"summary": 7, "call_successful": "very", "sentiment": "mixed", "mood": "good"}
    analysis = Analysis(summary="Short.", sentiment=Sentiment.NEGATIVE, success=True, custom=custom)
    world.take([elsewhere(1, analysis=analysis)])
    assert printed(world)["call_analysis"] == {
        "summary": "Short.",
        "sentiment": "negative",
        "call_successful": True,
        "mood": "good",
        "custom_analysis_data": {"summary": 7, "call_successful": "very", "sentiment": "mixed"},
    }


# -- numbers and times ----------------------------------------------------


@pytest.mark.claim("contactship:call.duration", "contactship:call.duration.fraction")
@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0"), (1, "0.001"), (500, "0.5"), (1000, "1"), (317_000, "317"), (39_812, "39.812")]
)
def test_a_duration_counts_seconds(world: World, ms: int, text: str) -> None:
    world.take([elsewhere(1, duration_ms=ms)])
    assert f'"duration":{text},' in world.get("contactship", "/v1/calls").text


@pytest.mark.claim("contactship:call.times")
def test_times_have_a_z_and_a_fraction_only_if_there_is_one(world: World) -> None:
    sighting = CONTACTSHIP.from_wire(
        PAYLOAD
        | {
            "id": uuid(1),
            "created_at": "2026-03-15T16:30:00+02:00",
            "start_at": "2026-03-15T14:30:05.000Z",
            "finished_at": "2026-03-15T14:35:22.5Z",
        }
    )
    world.see([sighting])
    row = printed(world)
    assert (row["created_at"], row["start_at"]) == ("2026-03-15T14:30:00Z", "2026-03-15T14:30:05Z")
    assert row["finished_at"].endswith("Z")
    assert datetime.fromisoformat(row["finished_at"]) == AT + timedelta(minutes=5, seconds=22.5)


# -- ids ------------------------------------------------------------------


@pytest.mark.claim("contactship:call.id.derived", "contactship:call.id")
def test_a_call_of_another_vendor_is_found_by_the_uuid_it_prints(world: World) -> None:
    world.see([Sighting(vendor="elsewhere", vendor_call_id="call-7", created_at=AT, status=Status.COMPLETED)])
    (row,) = world.get("contactship", "/v1/calls").json()["data"]
    assert row["id"] == "ba53e32d-7de6-5467-aa87-e8c1440b55dc"
    assert world.get("contactship", f"/v1/calls/{row['id']}").json()["id"] == row["id"]


ROUND_TRIPS: list[dict[str, Any]] = [
    {"call_status": "teleported"},
    {"call_status": "answering-machine", "call_result": "voicemail"},
    {"call_result": None, "disconnection_reason": None, "finished_at": None, "duration": None},
    {"duration": 0},
    {"duration": 12.5},
    {"duration": "317"},
    {"call_analysis": None},
    {"call_analysis": {}},
    {"call_analysis": {"summary": None, "sentiment": "Mixed", "lead": {"score": 3}}},
    {"contact": None},
    {"contact": {"id": None, "full_name": "Jane"}},
    {"call_record": None, "from": None},
    {"agent_id": None, "campaign_id": CAMPAIGN},
    {"direction": "inbound", "type": "inbound_call"},
]


@pytest.mark.claim("contactship:call.round_trip")
@pytest.mark.parametrize("changes", ROUND_TRIPS, ids=" ".join)
def test_an_own_call_comes_back_with_the_values_that_came_in(world: World, changes: dict[str, Any]) -> None:
    world.take_payload(CONTACTSHIP.from_wire(PAYLOAD | changes), PAYLOAD | changes)
    says(world.get("contactship", "/v1/calls"), {"data": [PAYLOAD | changes], "count": 1})
