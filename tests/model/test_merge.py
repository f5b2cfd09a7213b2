"""Merging: any order, repeat or grouping of sightings ends in the same call."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import START, sightings
from trunkline.model.call import Agent, Analysis, Call, Turn, Word
from trunkline.model.merge import Stamps, first_call, merged
from trunkline.model.sighting import Sighting, sighting_of
from trunkline.model.words import Role, Status

SEEN_AT = START + timedelta(days=9)


def told(**fields: object) -> Sighting:
    return Sighting(vendor="elsewhere", vendor_call_id="call-1", **fields)  # type: ignore[arg-type]


def fold(*seen: Sighting) -> tuple[Call, Stamps]:
    call, stamps = first_call(seen[0], "00000000-0000-4000-8000-000000000001", SEEN_AT)
    for sighting in seen[1:]:
        call, stamps = merged(call, stamps, sighting, SEEN_AT)
    return call, stamps


@given(st.lists(sightings(), min_size=2, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_order_of_sightings_ends_in_the_same_call(seen: list[Sighting]) -> None:
    expected, _ = fold(*seen)
    for order in permutations(seen):
        assert fold(*order)[0] == expected


@given(st.lists(sightings(), min_size=1, max_size=3), st.data())
@settings(max_examples=200, deadline=None)
def test_a_repeated_sighting_changes_nothing(seen: list[Sighting], data: st.DataObject) -> None:
    call, stamps = fold(*seen)
    again = data.draw(st.sampled_from(seen))
    assert merged(call, stamps, again, SEEN_AT)[0] == call


@given(sightings())
@settings(max_examples=100, deadline=None)
def test_a_call_that_is_told_again_as_a_whole_is_the_same_call(seen: Sighting) -> None:
    call, stamps = fold(seen)
    whole = sighting_of(call)
    assert merged(call, stamps, whole, SEEN_AT)[0] == call


def test_an_absent_field_and_a_null_erase_nothing() -> None:
    call, _ = fold(
        told(created_at=START, agent=Agent(id="a", name="Ada"), turns=[Turn(Role.USER, "hello")]),
        told(created_at=START, updated_at=START + timedelta(hours=1), agent=None, turns=[]),
        told(updated_at=START + timedelta(hours=2), agent=Agent(id="a")),
    )
    assert call.agent == Agent(id="a", name="Ada")
    assert call.turns == [Turn(Role.USER, "hello")]


def test_an_ended_call_does_not_go_back_to_live() -> None:
    late = told(created_at=START, updated_at=START + timedelta(hours=5), status=Status.IN_PROGRESS)
    done = told(created_at=START, updated_at=START + timedelta(hours=1), status=Status.BUSY)
    assert fold(done, late)[0].status is Status.BUSY
    assert fold(late, done)[0].status is Status.BUSY


def test_the_later_statement_wins_whenever_it_arrives() -> None:
    old = told(created_at=START, said_at=START, from_number="+12025550100")
    new = told(created_at=START, said_at=START + timedelta(hours=1), from_number="+12025550101")
    assert fold(old, new)[0].from_number == "+12025550101"
    assert fold(new, old)[0].from_number == "+12025550101"


def test_a_told_value_beats_a_derived_one_and_takes_its_mark_away() -> None:
    guessed = told(
        created_at=START, said_at=START + timedelta(hours=1), started_at=START, derived=["started_at"]
    )
    known = told(created_at=START, said_at=START, started_at=START + timedelta(seconds=4))
    call, _ = fold(guessed, known)
    assert call.started_at == START + timedelta(seconds=4)
    assert "started_at" not in (call.derived or [])


def test_a_call_without_a_time_of_creation_takes_the_earliest_it_was_seen_and_says_so() -> None:
    call, stamps = first_call(told(status=Status.QUEUED), "00000000-0000-4000-8000-000000000001", SEEN_AT)
    assert call.created_at == SEEN_AT
    assert call.derived == ["created_at"]
    again, _ = merged(call, stamps, told(status=Status.QUEUED), SEEN_AT + timedelta(hours=3))
    assert again.created_at == SEEN_AT


def seen_in_turn(*seen: Sighting) -> Call:
    """Sightings that come in an hour apart."""
    call, stamps = first_call(seen[0], "00000000-0000-4000-8000-000000000001", SEEN_AT)
    for hours, sighting in enumerate(seen[1:], 1):
        call, stamps = merged(call, stamps, sighting, SEEN_AT + timedelta(hours=hours))
    return call


def test_what_has_no_time_of_its_own_is_as_old_as_the_moment_it_was_seen() -> None:
    ended = {"created_at": START, "ended_at": START + timedelta(minutes=5), "status": Status.COMPLETED}
    before = told(**ended, duration_ms=317_000, analysis=Analysis(summary="A long summary.", success=False))
    after = told(**ended, duration_ms=9_000, analysis=Analysis(summary="Short.", success=True))
    call = seen_in_turn(before, after)
    assert call.duration_ms == 9_000
    assert call.analysis == Analysis(summary="Short.", success=True)


def test_a_poorer_telling_of_one_conversation_does_not_replace_a_richer_one_that_came_before() -> None:
    ended = {"created_at": START, "ended_at": START + timedelta(minutes=5), "status": Status.COMPLETED}
    rich = [Turn(Role.USER, "hello", words=[Word("hello", 0, 400)])]
    call = seen_in_turn(told(**ended, turns=rich), told(**ended, turns=[Turn(Role.USER, "hello")]))
    assert call.turns == rich
