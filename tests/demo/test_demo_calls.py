"""The made-up calls: what holds for each of them, and for a batch."""

from __future__ import annotations

import re
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random

import msgspec
import pytest

from trunkline.demo.agents import CAMPAIGNS, PERSONAS
from trunkline.demo.calls import Origin, demo_calls
from trunkline.demo.dialogues import Template, load_templates
from trunkline.demo.latency import summarize
from trunkline.demo.people import draw_people
from trunkline.demo.slots import draw_slots
from trunkline.demo.talk import answer_delays
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.words import Channel, Direction, Result, Status

UNTIL = datetime(2026, 6, 30, 15, 4, 9, 250_000, tzinfo=UTC)
FICTION = re.compile(
    r"\+1[2-9]\d\d55501\d\d"
    r"|\+447700900\d{3}|\+442079460\d{3}|\+441(13|14|17)4960\d{3}"
    r"|\+3319900\d{4}|\+3363998\d{4}"
    r"|\+49(3023125|6990009|4066969|8999998|2214710)\d{3}"
)


def make_uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def origin(cost_unit: str | None = "USD", word_times: bool = True) -> Origin:
    return Origin("acme", make_uuid, lambda rng: f"agent_{rng.getrandbits(40):010x}", cost_unit, word_times)


def make(count: int = 500, seed: int = 3, unit: str | None = "USD") -> list[Call]:
    return list(demo_calls(origin(unit), count=count, seed=seed, until=UNTIL))


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return make()


def test_every_call_reads_back_from_its_own_json(calls: list[Call]) -> None:
    for call in calls:
        assert msgspec.json.decode(msgspec.json.encode(call), type=Call, strict=True) == call


def test_the_same_arguments_make_the_same_calls() -> None:
    assert msgspec.json.encode(make(120)) == msgspec.json.encode(make(120))


def test_another_seed_makes_other_calls_with_the_same_agents_and_campaigns(calls: list[Call]) -> None:
    others = make(seed=4)
    assert {call.id for call in calls}.isdisjoint(call.id for call in others)
    for part in ("agent", "campaign"):
        names = [
            {getattr(call, part).id for call in batch if getattr(call, part)} for batch in (calls, others)
        ]
        assert names[0] == names[1]


def test_the_time_zone_of_the_end_does_not_matter() -> None:
    elsewhere = UNTIL.astimezone(timezone(timedelta(hours=-7)))
    here = list(demo_calls(origin(), count=40, seed=1, until=UNTIL))
    there = list(demo_calls(origin(), count=40, seed=1, until=elsewhere))
    assert here == there


def test_five_hundred_calls_take_well_under_a_second() -> None:
    make(1)
    began = time.process_time()
    make()
    assert time.process_time() - began < 1


@pytest.mark.parametrize("count", [0, 1, 2, 13, 100])
def test_it_makes_as_many_calls_as_requested(count: int) -> None:
    assert len(make(count)) == count


@pytest.mark.parametrize("seed", range(5))
def test_every_status_occurs_in_five_hundred_calls(seed: int) -> None:
    found = Counter(call.status for call in make(seed=seed))
    assert set(found) == set(Status)
    assert 0.5 < found[Status.COMPLETED] / 500 < 0.7


def test_calls_are_created_in_order_over_the_thirty_days_before_the_end(calls: list[Call]) -> None:
    instants = [call.created_at for call in calls]
    assert instants == sorted(instants)
    assert UNTIL - timedelta(days=30) <= instants[0] < UNTIL - timedelta(days=27)
    assert UNTIL - timedelta(minutes=2) < instants[-1] <= UNTIL


def test_most_calls_fall_into_working_hours(calls: list[Call]) -> None:
    assert sum(7 <= call.created_at.hour < 20 for call in calls) / len(calls) > 0.85


def test_instants_are_whole_seconds_in_utc(calls: list[Call]) -> None:
    for call in calls:
        for instant in (call.created_at, call.updated_at, call.started_at, call.ended_at, call.scheduled_at):
            assert instant is None or (instant.microsecond == 0 and instant.tzinfo is UTC)


def test_a_call_goes_from_created_over_started_to_ended_before_the_end(calls: list[Call]) -> None:
    for call in calls:
        known = [call.created_at, call.started_at, call.ended_at, call.updated_at]
        instants = [instant for instant in known if instant is not None]
        assert instants == sorted(instants)
        assert instants[-1] <= UNTIL


def test_only_a_finished_call_has_an_end_a_reason_and_a_length(calls: list[Call]) -> None:
    for call in calls:
        final = call.status.is_final
        assert final == (call.ended_at is not None) == (call.end_reason is not None)
        assert final == (call.duration_ms is not None)
        assert call.end_reason_raw is None
        assert (call.result is not None) == (final and call.status is not Status.CANCELED)


def test_the_length_fits_the_instants_and_what_was_said(calls: list[Call]) -> None:
    for call in calls:
        if call.started_at and call.ended_at and call.duration_ms and call.turns:
            length = (call.ended_at - call.started_at) / timedelta(milliseconds=1)
            assert 0 <= length - call.duration_ms < 1000
            assert max(turn.end_ms or 0 for turn in call.turns) <= call.duration_ms


def test_turns_and_words_follow_one_another_at_the_pace_of_speech(calls: list[Call]) -> None:
    for call in calls:
        now = 0
        for turn in call.turns or []:
            assert turn.start_ms is not None
            assert turn.end_ms is not None
            assert now <= turn.start_ms < turn.end_ms
            now = turn.end_ms
            if turn.words:
                assert " ".join(word.word for word in turn.words) == turn.text
                assert (turn.words[0].start_ms, turn.words[-1].end_ms) == (turn.start_ms, turn.end_ms)
        spoken = sum(len(turn.text.split()) for turn in call.turns or [])
        if spoken > 60:
            assert 90 < spoken / (now / 60_000) < 200


def test_about_a_third_of_the_calls_has_word_times(calls: list[Call]) -> None:
    spoken = [call.turns for call in calls if call.turns]
    assert 0.25 < sum(bool(turns[0].words) for turns in spoken) / len(spoken) < 0.45


def test_an_origin_without_word_times_gives_none() -> None:
    for call in demo_calls(origin(word_times=False), count=60, seed=1, until=UNTIL):
        assert all(turn.words is msgspec.UNSET for turn in call.turns or [])


def test_turns_invocations_and_results_use_each_place_of_their_sequence_once(calls: list[Call]) -> None:
    for call in calls:
        assert isinstance(call.turns, list)
        assert isinstance(call.tool_calls, list)
        taken = [
            place
            for tool in call.tool_calls
            for place in (tool.position, tool.result_position)
            if place is not None
        ]
        total = len(call.turns) + len(taken)
        free = set(range(total)) - set(taken)
        assert len(set(taken)) == len(taken)
        assert all(place < total for place in taken)
        assert len(free) == len(call.turns) == call.turn_count


def test_a_tool_is_used_between_the_turns_around_its_position(calls: list[Call]) -> None:
    for call in calls:
        assert isinstance(call.turns, list)
        assert isinstance(call.tool_calls, list)
        places = {place for tool in call.tool_calls for place in (tool.position, tool.result_position)}
        free = [place for place in range(len(call.turns) + len(places)) if place not in places]
        for tool in call.tool_calls:
            assert tool.position is not None
            assert tool.start_ms is not None
            assert tool.result_position is None or tool.result_position > tool.position
            before = [turn for place, turn in zip(free, call.turns, strict=False) if place < tool.position]
            after = [turn for place, turn in zip(free, call.turns, strict=False) if place > tool.position]
            assert not before or (before[-1].end_ms or 0) <= tool.start_ms
            assert not after or tool.start_ms <= (after[0].start_ms or 0)


def test_every_phone_number_is_reserved_for_fiction(calls: list[Call]) -> None:
    for call in calls:
        numbers = [call.from_number, call.to_number, call.contact.phone_number if call.contact else None]
        for number in numbers:
            assert number is None or FICTION.fullmatch(number), number
        texts = " ".join(turn.text for turn in call.turns or [])
        assert all(re.fullmatch(r"555-01\d\d", found) for found in re.findall(r"\d{3}-\d{4}", texts))


def test_the_agent_and_the_contact_never_share_a_number(calls: list[Call]) -> None:
    ours = {call.to_number if call.direction is Direction.INBOUND else call.from_number for call in calls}
    theirs = {call.contact.phone_number for call in calls if call.contact}
    assert (ours - {None}).isdisjoint(theirs)


def test_only_phone_calls_have_numbers_and_all_channels_occur(calls: list[Call]) -> None:
    assert {call.channel for call in calls} == {Channel.PHONE, Channel.WEB, Channel.TEST}
    for call in calls:
        if call.channel is not Channel.PHONE:
            assert call.from_number is None
            assert call.to_number is None


def test_some_contacts_call_again(calls: list[Call]) -> None:
    found = Counter(call.contact.id for call in calls if call.contact)
    assert 60 < len(found) < 200
    assert 4 < found.most_common(1)[0][1] < 50


def test_agents_are_few_and_campaigns_are_for_outbound_calls(calls: list[Call]) -> None:
    assert len({call.agent.id for call in calls if call.agent}) == len(PERSONAS)
    assert {call.campaign.name for call in calls if call.campaign} == set(CAMPAIGNS)
    assert all(call.direction is Direction.OUTBOUND for call in calls if call.campaign)


def test_delays_are_those_of_the_turns_and_their_percentiles_are_right(calls: list[Call]) -> None:
    measured = [call for call in calls if call.latency]
    assert len(measured) > 150
    for call in measured:
        assert isinstance(call.turns, list)
        assert call.latency is not None
        assert call.latency["e2e"] == summarize(answer_delays(call.turns))


def test_percentiles_lie_between_neighbours_in_a_straight_line() -> None:
    assert summarize([400, 100, 300, 200]) == {
        "max": 400,
        "min": 100,
        "num": 4,
        "p50": 250,
        "p90": 370,
        "p95": 385,
        "p99": 397,
        "values": [400, 100, 300, 200],
    }
    assert summarize([700])["p99"] == 700


def test_the_parts_of_a_cost_add_up_to_it(calls: list[Call]) -> None:
    for call in calls:
        assert (call.cost is not None) == call.status.is_final
        if call.cost and call.cost.items is not None:
            assert call.cost.unit == "USD"
            assert sum((Decimal(item["amount"]) for item in call.cost.items), Decimal(0)) == call.cost.amount


def test_an_origin_without_money_has_no_costs() -> None:
    assert all(call.cost is None for call in make(60, unit=None))
    assert {call.cost.unit for call in make(60, unit="credits") if call.cost} == {"credits"}


def test_ids_follow_from_the_vendors_own(calls: list[Call]) -> None:
    assert len({call.id for call in calls}) == len(calls)
    assert all(call.id == call_id("acme", call.vendor_call_id) for call in calls)


def test_answered_calls_are_recorded_and_analysed(calls: list[Call]) -> None:
    for call in calls:
        if call.result in (Result.ANSWERED, Result.VOICEMAIL):
            assert call.recording is not None
            assert call.recording.url == f"https://recordings.example.com/{call.id}.wav"
            assert call.analysis is not None
            assert call.analysis.voicemail == (call.result is Result.VOICEMAIL)
        else:
            assert call.analysis is None


def test_scheduled_calls_lie_ahead(calls: list[Call]) -> None:
    for call in calls:
        assert (call.scheduled_at is not None) == (call.status is Status.SCHEDULED)
        assert call.scheduled_at is None or call.scheduled_at > UNTIL


def test_no_gap_of_a_dialogue_stays_open(calls: list[Call]) -> None:
    for call in calls:
        heavy = msgspec.json.encode([call.turns, call.tool_calls, call.analysis]).decode()
        assert not re.search(r"\{[a-z_0-9]+\}", heavy)


@pytest.mark.parametrize("template", load_templates(), ids=lambda template: template.name)
def test_a_dialogue_names_known_agents_campaigns_and_slots(template: Template) -> None:
    dialogue = template.open
    assert dialogue.agent in PERSONAS
    assert dialogue.campaign is None or dialogue.campaign in CAMPAIGNS
    assert (dialogue.campaign is None) or dialogue.direction is Direction.OUTBOUND
    assert template.is_voicemail or 6 <= len(dialogue.items) <= 24
    assert all((item.role is None) != (item.tool is None) for item in dialogue.items)
    assert all(item.text for item in dialogue.items if item.role is not None)
    rng = Random(1)
    person = draw_people(rng)[dialogue.language][0]
    assert template.fill(draw_slots(rng, person, "Maya", UNTIL)).items
