"""Pages, order and filters of ContactShip's list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.contactship.samples import AGENT, AT, CAMPAIGN, elsewhere, made, numbers, uuid
from trunkline.model.call import Agent, Campaign, Contact
from trunkline.model.words import Result, Status
from trunkline.vendors import dialects

CONTACTSHIP = dialects()["contactship"]
STATUSES = [
    *("in-progress", "completed", "no-answer", "failed", "in-queue"),
    *("incomplete", "busy", "answering-machine", "scheduled", "voice_mail"),
]


def found(world: World, query: str) -> list[int]:
    """What a query finds, oldest first; the count agrees."""
    answer = world.get("contactship", f"/v1/calls?order=asc&limit=1000&{query}")
    met = numbers(answer)
    assert answer.json()["count"] == len(met)
    assert numbers(world.get("contactship", f"/v1/calls?limit=1000&{query}")) == met[::-1]
    return met


@pytest.fixture(scope="module")
def many(new_world: Callable[..., World]) -> World:
    """25 calls, a minute apart."""
    world = new_world()
    world.take([made(number) for number in range(25)])
    return world


# -- pages and order ------------------------------------------------------


@pytest.mark.claim("contactship:list.envelope", "contactship:list.count")
def test_a_list_has_data_and_count_and_nothing_else(world: World) -> None:
    says(world.get("contactship", "/v1/calls"), {"data": [], "count": 0})
    world.take([made(1)])
    answer = world.get("contactship", "/v1/calls").json()
    assert list(answer) == ["data", "count"]
    assert (len(answer["data"]), answer["count"]) == (1, 1)


@pytest.mark.claim(
    "contactship:list.limit.default", "contactship:list.order.default", "contactship:list.offset"
)
def test_without_parameters_the_newest_20_calls_are_listed(many: World) -> None:
    answer = many.get("contactship", "/v1/calls")
    assert numbers(answer) == list(range(24, 4, -1))
    assert answer.json()["count"] == 25
    assert answer.content == many.get("contactship", "/v1/calls?limit=20&offset=0&order=desc").content
    assert answer.content == many.get("contactship", "/v1/calls?").content


@pytest.mark.claim("contactship:list.order.asc", "contactship:list.offset", "contactship:list.count")
def test_limit_offset_and_order_cut_the_page_and_leave_the_count(many: World) -> None:
    for query, expected in (
        ("order=asc&limit=3", [0, 1, 2]),
        ("order=asc&limit=3&offset=3", [3, 4, 5]),
        ("limit=2&offset=23", [1, 0]),
        ("order=asc&limit=10&offset=20", [20, 21, 22, 23, 24]),
        ("limit=1", [24]),
        ("offset=20", [4, 3, 2, 1, 0]),
    ):
        answer = many.get("contactship", f"/v1/calls?{query}")
        assert (numbers(answer), answer.json()["count"]) == (expected, 25), query


@pytest.mark.claim("contactship:list.limit.max")
def test_a_page_holds_up_to_1000_calls(world: World) -> None:
    world.take([made(number) for number in range(1001)])
    answer = world.get("contactship", "/v1/calls?limit=1000")
    assert (numbers(answer), answer.json()["count"]) == (list(range(1000, 0, -1)), 1001)


@pytest.mark.claim("contactship:list.limit.zero", "contactship:list.offset.past_end")
@pytest.mark.parametrize("query", ["limit=0", "offset=25", "offset=100000", "limit=0&offset=7"])
def test_an_empty_page_still_has_the_real_count(many: World, query: str) -> None:
    says(many.get("contactship", f"/v1/calls?{query}"), {"data": [], "count": 25})


@pytest.mark.claim("contactship:list.order.ties")
def test_calls_of_one_instant_follow_the_id_in_the_same_direction(world: World) -> None:
    world.take([made(n, created_at=AT) for n in (3, 1, 4, 2)])
    world.take([elsewhere(5, created_at=AT)])
    assert numbers(world.get("contactship", "/v1/calls?order=asc")) == [1, 2, 3, 4, 5]
    assert numbers(world.get("contactship", "/v1/calls?order=desc")) == [5, 4, 3, 2, 1]
    assert numbers(world.get("contactship", "/v1/calls?order=desc&limit=2&offset=1")) == [4, 3]


# -- dates ----------------------------------------------------------------

DAYS = {
    1: datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC),
    2: datetime(2026, 4, 1, tzinfo=UTC),
    3: datetime(2026, 4, 1, 12, tzinfo=UTC),
    4: datetime(2026, 4, 1, 23, 59, 59, 999000, tzinfo=UTC),
    5: datetime(2026, 4, 2, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def dated(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.take([made(number, created_at=at) for number, at in DAYS.items()])
    return world


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "date_from=2026-04-01", [2, 3, 4, 5], marks=pytest.mark.claim("contactship:filter.date_from")
        ),
        ("date_from=2026-04-01T12:00:00Z", [3, 4, 5]),
        ("date_from=2026-04-01T12:00:00.001Z", [4, 5]),
        pytest.param(
            "date_to=2026-04-01",
            [1, 2, 3, 4],
            marks=pytest.mark.claim("contactship:filter.date_to", "contactship:filter.date_to.day"),
        ),
        ("date_to=2026-04-01T12:00:00Z", [1, 2, 3]),
        ("date_to=2026-04-01T11:59:59Z", [1, 2]),
        ("date_from=2026-04-01&date_to=2026-04-01", [2, 3, 4]),
        ("date_from=2026-04-02&date_to=2026-04-01", []),
        pytest.param(
            "date_from=2026-04-01T12:00:00&date_to=2026-04-01T12:00:00",
            [3],
            marks=pytest.mark.claim("contactship:filter.date.zone"),
        ),
        pytest.param(
            "date_from=2026-04-01T14:00:00%2B02:00&date_to=2026-04-01T14:00:00+02:00",
            [3],
            marks=pytest.mark.claim("contactship:filter.date.offset"),
        ),
    ],
)
def test_dates_are_inclusive_and_a_day_is_the_whole_utc_day(
    dated: World, query: str, expected: list[int]
) -> None:
    assert found(dated, query) == expected


# -- words ----------------------------------------------------------------


@pytest.mark.claim("contactship:filter.call_status", "contactship:call.status.words")
def test_a_status_finds_the_calls_that_print_it_in_each_of_ten_words(world: World) -> None:
    base = {"direction": "inbound", "type": "ai_call", "created_at": "2026-03-15T14:30:00Z"}
    world.see(
        [
            CONTACTSHIP.from_wire({"id": uuid(n), "call_status": status, **base})
            for n, status in enumerate(STATUSES)
        ]
    )
    for number, status in enumerate(STATUSES):
        assert found(world, f"call_status={status}") == [number]
        assert world.get("contactship", f"/v1/calls/{uuid(number)}").json()["call_status"] == status


@pytest.mark.claim(
    "contactship:filter.call_status", "contactship:call.status.folded", "contactship:call.status.voicemail"
)
def test_other_vendors_calls_are_found_by_the_status_they_print(world: World) -> None:
    world.take([elsewhere(n, status=status) for n, status in enumerate(Status)])
    printed = {
        "scheduled": [Status.SCHEDULED],
        "in-queue": [Status.QUEUED, Status.RINGING],
        "in-progress": [Status.IN_PROGRESS],
        "completed": [Status.COMPLETED],
        "no-answer": [Status.NO_ANSWER],
        "busy": [Status.BUSY],
        "voice_mail": [Status.VOICEMAIL],
        "answering-machine": [],
        "failed": [Status.FAILED, Status.CANCELED],
        "incomplete": [Status.INCOMPLETE],
    }
    order = list(Status)
    for word, statuses in printed.items():
        assert found(world, f"call_status={word}") == [order.index(status) for status in statuses]
        rows = world.get("contactship", f"/v1/calls?call_status={word}").json()["data"]
        assert {row["call_status"] for row in rows} <= {word}


@pytest.mark.claim("contactship:filter.call_result", "contactship:call.result.words")
def test_a_result_finds_the_calls_that_print_it_in_each_of_five_words(world: World) -> None:
    words = ["answered", "voicemail", "no_answer", "busy", "failed"]
    assert [result.value for result in Result] == words
    world.take([made(n, result=Result(word)) for n, word in enumerate(words)])
    world.take([made(9, result=None)])
    for number, word in enumerate(words):
        assert found(world, f"call_result={word}") == [number]
    rows = world.get("contactship", "/v1/calls?order=asc").json()["data"]
    assert [row["call_result"] for row in rows] == [*words, None]


# -- agents, campaigns, numbers -------------------------------------------


@pytest.mark.claim("contactship:filter.agent_id", "contactship:filter.campaign_id", "contactship:filter.and")
def test_agent_and_campaign_find_their_calls_alone_and_together(world: World) -> None:
    agent, campaign = Agent(id=AGENT), Campaign(id=CAMPAIGN)
    world.take(
        [
            made(1, agent=agent),
            made(2, campaign=campaign),
            made(3, agent=agent, campaign=campaign, status=Status.FAILED),
            made(4, agent=Agent(id=CAMPAIGN), campaign=Campaign(id=AGENT)),
        ]
    )
    assert found(world, f"agent_id={AGENT}") == [1, 3]
    assert found(world, f"agent_id={AGENT.upper()}") == [1, 3]
    assert found(world, f"campaign_id={CAMPAIGN}") == [2, 3]
    assert found(world, f"agent_id={AGENT}&campaign_id={CAMPAIGN}") == [3]
    assert found(world, f"agent_id={AGENT}&call_status=completed") == [1]
    assert found(world, f"agent_id={uuid(0)}") == []


@pytest.mark.claim(
    "contactship:call.ids.derived", "contactship:filter.agent_id", "contactship:filter.campaign_id"
)
def test_ids_of_other_vendors_print_as_uuids_that_the_filters_take(world: World) -> None:
    world.take([elsewhere(1, agent=Agent(id="agent_7"), campaign=Campaign(id="spring")), made(2)])
    row = world.get("contactship", "/v1/calls?order=asc").json()["data"][0]
    assert row["agent_id"] == "901c444d-2d7c-5250-abf3-012f819686a8"
    assert row["campaign_id"] == "d7fa7347-3712-5939-ac0f-6977fb2f4b03"
    assert found(world, f"agent_id={row['agent_id']}") == [1]
    assert found(world, f"campaign_id={row['campaign_id']}") == [1]


@pytest.fixture(scope="module")
def dialled(new_world: Callable[..., World]) -> World:
    jane = Contact(phone_number="+14155552678")
    world = new_world()
    world.take(
        [
            made(1, from_number="+12124567890"),
            made(2, from_number="+12025551234", contact=Contact(phone_number="+12124567890")),
            made(3, from_number="+14155552678", to_number="+12124567890"),
            made(4, from_number="+1 (212) 456-7890", contact=jane),
            made(5),
        ]
    )
    return world


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "phoneNumber=%2B12124567890",
            [1, 2, 4],
            marks=pytest.mark.claim(
                "contactship:filter.phone_number",
                "contactship:filter.phone_number.party",
                "contactship:filter.phone_number.form",
            ),
        ),
        pytest.param(
            "phoneNumber=+12124567890",
            [1, 2, 4],
            marks=pytest.mark.claim("contactship:filter.phone_number.plus"),
        ),
        ("phoneNumber=%2012124567890", [1, 2, 4]),
        ("phoneNumber=12124567890", [1, 2, 4]),
        ("phoneNumber=%2B14155552678", [3, 4]),
        ("phoneNumber=%2B442071838750", []),
    ],
)
def test_a_phone_number_finds_the_caller_and_the_contact(
    dialled: World, query: str, expected: list[int]
) -> None:
    assert found(dialled, query) == expected


@pytest.mark.claim("contactship:filter.unknown_parameter")
def test_what_is_not_documented_is_ignored_and_named(many: World) -> None:
    plain = many.get("contactship", "/v1/calls?limit=1")
    assert "trunkline-ignored" not in plain.headers
    for query, ignored in (
        ("status=completed", "status"),
        ("phone_number=x&start_date=y&phone_number=z", "phone_number, start_date"),
        ("page%5B0%5D=1&d%C3%A9part=2", "page[0], d%C3%A9part"),
        ("LIMIT=5", "LIMIT"),
    ):
        answer = many.get("contactship", f"/v1/calls?limit=1&{query}")
        assert (answer.content, answer.headers["trunkline-ignored"]) == (plain.content, ignored)


@pytest.mark.claim("contactship:query.booleans")
@pytest.mark.parametrize(
    ("value", "included"),
    [
        ("true", True),
        ("TRUE", True),
        ("True", True),
        ("1", True),
        ("false", False),
        ("FALSE", False),
        ("0", False),
    ],
)
def test_booleans_have_four_spellings_in_any_case(many: World, value: str, included: bool) -> None:
    (row,) = many.get("contactship", f"/v1/calls?limit=1&include_transcript={value}").json()["data"]
    assert ("chat_history" in row) is included


@pytest.mark.claim("contactship:filter.and", "contactship:list.count")
def test_the_count_is_of_what_matches_before_pagination(many: World) -> None:
    until = (AT + timedelta(minutes=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = many.get("contactship", f"/v1/calls?limit=2&date_to={until}&call_status=completed")
    assert (numbers(answer), answer.json()["count"]) == ([9, 8], 10)
