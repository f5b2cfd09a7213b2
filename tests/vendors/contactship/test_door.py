from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET

from tests.vendors.captures import call_of, captures, lives
from trunkline.kit.door import AnswerExpected
from trunkline.kit.list_api import Request
from trunkline.kit.signatures import SecretAddress
from trunkline.model.call import Agent, Campaign
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Result, Status
from trunkline.vendors.contactship import DOOR

CAPTURED = captures("contactship")


def sighting_of(name: str) -> Sighting:
    (sighting,) = CAPTURED[name].sightings(DOOR)
    return sighting


def sighting_with(**call: Any) -> Sighting:
    (sighting,) = DOOR.parse_delivery(
        {"data": {"call": {"call_id": "c-1", "call_status": "ended", **call}}}
    ).sightings
    return sighting


@pytest.mark.claim("contactship:hook.unsigned")
def test_the_address_is_the_secret() -> None:
    assert isinstance(DOOR.signature, SecretAddress)


@pytest.mark.claim("contactship:hook.parts")
def test_every_part_of_a_delivery_is_read_or_stored() -> None:
    sighting_with = sighting_of("post_call")
    assert sighting_with.agent == Agent(
        id="0d9a3f5e-2a3c-4a56-9a52-7d7f0cb7f001", name="Sales", config={"language": "en", "voice": "aria"}
    )
    assert sighting_with.campaign == Campaign(name="Spring")
    assert isinstance(sighting_with.vendor_fields, dict)
    assert sighting_with.vendor_fields.keys() == {"organization", "contact", "campaign"}


@pytest.mark.claim("contactship:hook.ended")
@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("answered", Status.COMPLETED),
        ("voicemail", Status.VOICEMAIL),
        ("no_answer", Status.NO_ANSWER),
        ("busy", Status.BUSY),
        ("failed", Status.FAILED),
    ],
)
def test_the_result_beside_ended_says_how(result: str, status: Status) -> None:
    sighting = sighting_with(call_result=result)
    assert (sighting.status, sighting.result) == (status, Result(result))


def test_a_call_that_ended_at_a_voicemail_is_one_without_a_result_too() -> None:
    assert sighting_with(disconnection_reason="voicemail_reached").status is Status.VOICEMAIL
    assert sighting_with(call_analysis={"in_voicemail": True}).status is Status.VOICEMAIL
    assert sighting_with(disconnection_reason="user_hangup").status is Status.COMPLETED
    assert sighting_with(call_status="failed", call_result="answered").status is Status.FAILED


@pytest.mark.claim("contactship:hook.times")
def test_an_unknown_time_is_zero_and_a_duration_may_be_a_text() -> None:
    sighting = sighting_with(start_timestamp=0, end_timestamp=1772442037500, duration="37.5")
    assert sighting.started_at is None
    assert sighting.ended_at == datetime(2026, 3, 2, 9, 0, 37, 500000, tzinfo=UTC)
    assert sighting.duration_ms == 37500
    assert sighting_with(duration="").duration_ms is UNSET


@pytest.mark.claim("contactship:hook.as_of")
def test_what_a_delivery_says_was_true_when_the_call_ended() -> None:
    ended = datetime(2026, 3, 2, 9, 0, 37, 500000, tzinfo=UTC)
    started = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert sighting_with(start_timestamp=1772442000000, end_timestamp=1772442037500).as_of == ended
    assert sighting_with(start_timestamp=1772442000000, end_timestamp=0).as_of == started
    assert sighting_with().as_of is UNSET


@pytest.mark.claim("contactship:hook.to_number", "contactship:hook.completes")
def test_webhook_and_list_are_one_call_and_the_webhook_knows_who_was_called() -> None:
    (life,) = lives("contactship")
    call = call_of(life)
    assert call.to_number == "+12025550142"
    assert call.derived is not None
    assert "to_number" not in call.derived
    assert call.agent is not None
    assert call.agent.name == "Sales"
    assert call.campaign == Campaign(id="3b1f0b46-5a44-4b59-9a0e-6f7f9d1f0aaa", name="Spring")
    assert call.created_at == datetime(2026, 3, 2, 8, 59, 58, tzinfo=UTC)
    assert call.end_reason is EndReason.USER_HANGUP


@pytest.mark.claim("contactship:hook.tool")
def test_a_request_that_expects_an_answer_is_not_accepted() -> None:
    with pytest.raises(AnswerExpected):
        DOOR.parse_delivery(CAPTURED["custom_tool"].document())


@pytest.mark.claim("contactship:pull.everything")
def test_a_list_is_requested_with_everything() -> None:
    assert DOOR.list_api is not None
    query = dict(DOOR.list_api.first(None, None).query)
    assert [query[f"include_{part}"] for part in ("transcript", "words", "tools")] == ["true"] * 3
    assert DOOR.list_api.one is None


@pytest.mark.parametrize(
    ("answer", "total", "goes_on"),
    [
        ({"data": [{}] * 100, "count": 101}, 101, True),
        ({"data": [{}] * 100, "count": 100}, 100, False),
        ({"statusCode": 200, "data": [{}] * 100, "pagination": {"page": 1, "total_rows": 101}}, 101, True),
        ({"data": [{}] * 100}, None, True),
        ({"data": [{}] * 99}, None, False),
        ({"data": [], "count": 101}, 101, False),
    ],
)
def test_pages_follow_as_far_as_either_wrapper_says(answer: Any, total: int | None, goes_on: bool) -> None:
    assert DOOR.list_api is not None
    asked: Request = DOOR.list_api.first(None, None)
    listed = DOOR.list_api.read(answer, asked)
    assert listed.total == total
    assert (listed.next_request is not None) == goes_on
    if listed.next_request is not None:
        assert dict(listed.next_request.query) == {**dict(asked.query), "offset": "100"}
