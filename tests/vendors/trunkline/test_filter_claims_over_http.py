"""Filters of our own API: each finds exactly these of a few calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.trunkline.samples import AT, made, numbers, refuses_parameter
from trunkline.model.call import Agent, Analysis, Campaign, Contact, Turn
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status

CALLS: dict[int, dict[str, Any]] = {
    1: {
        "vendor": "callem",
        "direction": Direction.INBOUND,
        "channel": Channel.PHONE,
        "result": Result.ANSWERED,
        "end_reason": EndReason.USER_HANGUP,
        "from_number": "+12025550100",
        "to_number": "+33199000001",
        "started_at": AT,
        "ended_at": AT + timedelta(minutes=5),
        "duration_ms": 300_000,
        "agent": Agent(id="agent-1"),
        "analysis": Analysis(success=True, voicemail=False, sentiment=Sentiment.POSITIVE),
        "turns": [Turn(Role.AGENT, "Straße 50% off"), Turn(Role.USER, "Next TUESDAY, please.")],
    },
    2: {
        "vendor": "zudu",
        "status": Status.NO_ANSWER,
        "direction": Direction.OUTBOUND,
        "channel": Channel.WEB,
        "result": Result.NO_ANSWER,
        "end_reason": EndReason.NO_ANSWER,
        "from_number": "+33199000001",
        "to_number": "+1 (202) 555-0100",
        "started_at": AT + timedelta(days=1),
        "duration_ms": 0,
        "agent": Agent(id="agent-2"),
        "campaign": Campaign(id="spring"),
        "analysis": Analysis(success=False, voicemail=True, sentiment=Sentiment.NEGATIVE),
        "turns": [Turn(Role.AGENT, "Is it Tuesday?")],
    },
    3: {
        "vendor": "zudu",
        "status": Status.FAILED,
        "channel": Channel.TEST,
        "contact": Contact(phone_number="+12025550100"),
        "ended_at": AT + timedelta(days=1),
        "duration_ms": 1000,
        "campaign": Campaign(id="autumn"),
        "analysis": Analysis(summary="Tuesday was asked for."),
    },
    4: {"vendor": "butter", "status": Status.IN_PROGRESS},
}


@pytest.fixture(scope="module")
def four(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.take([made(number, **fields) for number, fields in CALLS.items()])
    return world


def found(world: World, query: str) -> list[int]:
    """What a query finds, oldest first; the total agrees."""
    answer = world.get("trunkline", f"/v1/calls?order=asc&include_total=true&{query}")
    met = numbers(answer)
    assert answer.json()["total_size"] == len(met)
    return met


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("status=failed", [3], marks=pytest.mark.claim("trunkline:filter.closed_words")),
        ("result=answered", [1]),
        ("direction=unknown", [3, 4]),
        ("channel=test", [3]),
        ("end_reason=no_answer", [2]),
        ("sentiment=positive", [1]),
        ("sentiment=unknown", []),
        pytest.param("status=failed,no_answer", [2, 3], marks=pytest.mark.claim("trunkline:filter.or")),
        ("channel=web,test,phone", [1, 2, 3]),
        ("vendor=zudu,butter", [2, 3, 4]),
        pytest.param("vendor=zudu&status=failed", [3], marks=pytest.mark.claim("trunkline:filter.and")),
        ("vendor=zudu,callem&success=true&duration_ms_min=1", [1]),
        ("vendor=zudu&success=true", []),
        pytest.param("vendor=zudu", [2, 3], marks=pytest.mark.claim("trunkline:filter.vendor")),
        ("vendor=nobody", []),
        ("vendor_call_id=call-1,call-3", [1, 3]),
        ("vendor_call_id=CALL-1", []),
        pytest.param("agent_id=agent-1", [1], marks=pytest.mark.claim("trunkline:filter.agent_campaign")),
        ("agent_id=agent-1,agent-2", [1, 2]),
        ("campaign_id=spring,autumn", [2, 3]),
        ("campaign_id=summer", []),
        pytest.param("success=true", [1], marks=pytest.mark.claim("trunkline:filter.flags")),
        ("success=false", [2]),
        ("voicemail=1", [2]),
        ("voicemail=0", [1]),
        pytest.param("phone=%2B12025550100", [1, 2, 3], marks=pytest.mark.claim("trunkline:filter.phone")),
        ("phone=+12025550100", [1, 2, 3]),
        ("phone=%2B33199000001", [1, 2]),
        ("from_number=%2B12025550100", [1]),
        ("to_number=%2B12025550100", [2]),
        ("from_number=%2B33199000001", [2]),
        pytest.param("duration_ms_min=1000", [1, 3], marks=pytest.mark.claim("trunkline:filter.duration")),
        ("duration_ms_max=1000", [2, 3]),
        ("duration_ms_min=0", [1, 2, 3]),
        ("duration_ms_min=1000&duration_ms_max=1000", [3]),
        ("duration_ms_min=1001&duration_ms_max=299999", []),
        pytest.param(
            "transcript_search=tuesday", [1, 2], marks=pytest.mark.claim("trunkline:filter.transcript")
        ),
        ("transcript_search=STRASSE", [1]),
        ("transcript_search=50%25%20off", [1]),
        ("transcript_search=5_%25", []),
        ("transcript_search=asked", []),
    ],
)
def test_a_filter_finds_exactly_these(four: World, query: str, expected: list[int]) -> None:
    assert found(four, query) == expected


@pytest.mark.claim("trunkline:filter.closed_words")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("status", Status),
        ("result", Result),
        ("direction", Direction),
        ("channel", Channel),
        ("end_reason", EndReason),
        ("sentiment", Sentiment),
    ],
)
def test_a_word_outside_our_lists_is_400_and_the_list_is_in_the_answer(
    four: World, name: str, words: Any
) -> None:
    reason = f"must be one or more of {', '.join(words)}"
    for value in ("nonsense", f"{next(iter(words))},nonsense", next(iter(words)).upper()):
        refuses_parameter(four.get("trunkline", f"/v1/calls?{name}={value}"), name, reason)
    assert len(numbers(four.get("trunkline", f"/v1/calls?{name}={','.join(words)}"))) > 0


# -- times ----------------------------------------------------------------

DAYS = {
    1: datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC),
    2: datetime(2026, 4, 1, tzinfo=UTC),
    3: datetime(2026, 4, 1, 12, tzinfo=UTC),
    4: datetime(2026, 4, 1, 23, 59, 59, 999000, tzinfo=UTC),
    5: datetime(2026, 4, 2, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def dated(new_world: Callable[..., World]) -> World:
    """Calls whose three instants are one and the same, and one that only was created."""
    world = new_world()
    world.take([made(n, created_at=at, started_at=at, ended_at=at) for n, at in DAYS.items()])
    world.take([made(9, created_at=DAYS[5] + timedelta(days=1))])
    return world


@pytest.mark.parametrize("field", ["created", "started", "ended"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "{}_from=2026-04-01T12:00:00Z&{}_to=2026-04-01T12:00:00Z", [3],
            marks=pytest.mark.claim("trunkline:filter.times"),
        ),
        ("{}_from=2026-04-01T12:00:00.001Z&{}_to=2026-04-02T00:00:00Z", [4, 5]),
        pytest.param(
            "{}_from=2026-04-01&{}_to=2026-04-01", [2, 3, 4],
            marks=pytest.mark.claim("trunkline:filter.times.day"),
        ),
        ("{}_to=2026-03-31", [1]),
        ("{}_from=2026-04-02&{}_to=2026-04-02", [5]),
        pytest.param(
            "{}_from=2026-04-01T12:00:00&{}_to=2026-04-01T12:00:00", [3],
            marks=pytest.mark.claim("trunkline:filter.times.zone"),
        ),
        ("{}_from=2026-04-01T14:00:00%2B02:00&{}_to=2026-04-01T14:00:00+02:00", [3]),
        ("{}_from=2026-04-02&{}_to=2026-04-01", []),
    ],
)  # fmt: skip
def test_times_are_inclusive_and_a_day_is_the_whole_utc_day(
    dated: World, field: str, query: str, expected: list[int]
) -> None:
    assert found(dated, query.replace("{}", field)) == expected


@pytest.mark.claim("trunkline:filter.times.unknown")
def test_a_call_that_has_not_begun_is_found_by_no_filter_of_its_start_or_end(dated: World) -> None:
    assert found(dated, "created_from=2000-01-01") == [1, 2, 3, 4, 5, 9]
    for field in ("started", "ended"):
        assert found(dated, f"{field}_from=2000-01-01") == [1, 2, 3, 4, 5]
        assert found(dated, f"{field}_to=2100-01-01") == [1, 2, 3, 4, 5]
