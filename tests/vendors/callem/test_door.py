from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET, structs

from tests.vendors.callem import signatures
from tests.vendors.captures import call_of, captures, lives
from trunkline.kit.signatures import InvalidSignature
from trunkline.model.sighting import Sighting
from trunkline.vendors.callem import DOOR

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CAPTURED = captures("callem")
EVENTS = ("call_started", "call_ended", "call_analyzed")


def sighting_of(name: str) -> Sighting:
    (sighting,) = CAPTURED[name].sightings(DOOR)
    return sighting


@pytest.mark.claim("callem:hook.signature")
def test_a_digest_that_was_made_elsewhere_is_accepted_and_in_upper_case_refused() -> None:
    delivery = signatures.in_seconds(b'{"event":"call_started"}', NOW, "secret")
    # printf '1772452800.{"event":"call_started"}' | openssl dgst -sha256 -hmac secret
    digest = "43f6e1e2b604c05845889f5a97b5c21f15137178710e13bdd840316949e5a2db"
    assert delivery.headers == {"x-callem-signature": digest, "x-callem-timestamp": "1772452800"}
    DOOR.signature.check(delivery, ["secret"], NOW)
    upper = {**delivery.headers, "x-callem-signature": digest.upper()}
    with pytest.raises(InvalidSignature):
        DOOR.signature.check(structs.replace(delivery, headers=upper), ["secret"], NOW)


@pytest.mark.claim("callem:hook.time")
def test_the_time_of_a_delivery_is_in_seconds_or_in_milliseconds() -> None:
    for way in signatures.WAYS.values():
        DOOR.signature.check(way.signed(signatures.BODY, NOW, signatures.SECRET), [signatures.SECRET], NOW)


@pytest.mark.claim("callem:hook.window")
@pytest.mark.parametrize("way", signatures.WAYS)
@pytest.mark.parametrize("away", [timedelta(minutes=-5, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_a_delivery_from_another_time_is_refused(way: str, away: timedelta) -> None:
    delivery = signatures.WAYS[way].signed(signatures.BODY, NOW + away, signatures.SECRET)
    with pytest.raises(InvalidSignature, match="the time is"):
        DOOR.signature.check(delivery, [signatures.SECRET], NOW)


@pytest.mark.claim("callem:hook.events")
def test_each_event_adds_to_one_call() -> None:
    told = [sighting_of(name) for name in EVENTS]
    assert len({sighting.vendor_call_id for sighting in told}) == 1
    mentioned = [{name for name in structs.asdict(each) if getattr(each, name) is not UNSET} for each in told]
    assert mentioned[0] < mentioned[1] <= mentioned[2]
    analysis: Any = told[2].analysis
    assert analysis.custom == {"leadQuality": "hot", "moved": True}


@pytest.mark.claim("callem:hook.chats")
@pytest.mark.parametrize("event", ["chat_started", "chat_ended", "chat_analyzed"])
def test_a_chat_is_noted_and_is_no_call(event: str) -> None:
    found = DOOR.parse_delivery({"event": event, "timestamp": "2026-03-02T09:00:00Z", "chat": {"id": "1"}})
    assert (found.event, found.sightings, found.unknown) == (event, [], [])
    assert found.note == "a chat is not a call"


@pytest.mark.claim("callem:hook.as_of")
def test_what_a_delivery_says_was_true_at_its_time() -> None:
    assert sighting_of("call_ended").as_of == datetime(2026, 3, 2, 9, 0, 42, tzinfo=UTC)


@pytest.mark.claim("callem:hook.transcription")
def test_a_transcription_has_times_and_tools_in_their_positions() -> None:
    ended = sighting_of("call_ended")
    assert [turn.start_ms for turn in ended.turns or ()] == [400, 3250, 9000]
    assert [(tool.name, tool.position, tool.start_ms) for tool in ended.tool_calls or ()] == [
        ("find_slots", 2, 6100)
    ]


@pytest.mark.claim("callem:hook.completes")
def test_webhooks_and_list_complete_each_other() -> None:
    (life,) = lives("callem")
    call = call_of(life)
    assert call.agent is not None
    assert call.agent.id == "67aa00000000000000000001"
    assert call.analysis is not None
    assert call.analysis.summary == "The caller moved an appointment to Thursday."
    assert call.end_reason_raw == "user_hangup"
    assert [turn.start_ms for turn in call.turns or ()] == [400, 3250, 9000]
    assert [tool.name for tool in call.tool_calls or ()] == ["find_slots"]


@pytest.mark.claim("callem:pull.order")
def test_a_pull_may_not_stop_early() -> None:
    assert DOOR.list_api is not None
    assert not DOOR.list_api.newest_first
    assert DOOR.list_api.first(NOW, None) == DOOR.list_api.first(None, None)
