"""Merging: any order, repeat or grouping of sightings ends in the same call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.strategies import START, instants, sightings
from trunkline.model.call import Agent, Analysis, Call, Cost, ToolCall, Turn, Word
from trunkline.model.merge import EMPTY_VALUES, Difference, difference, first_call, merged
from trunkline.model.sighting import STATEMENTS, Sighting, sighting_of
from trunkline.model.versions import Versions
from trunkline.model.words import Channel, Direction, EndReason, Role, Sentiment, Status

RECEIVED_AT = START + timedelta(days=9)


def sighting_with(**fields: object) -> Sighting:
    return Sighting(vendor="elsewhere", vendor_call_id="call-1", **fields)  # type: ignore[arg-type]


def fold(*received: Sighting) -> tuple[Call, Versions]:
    return fold_at(*((sighting, RECEIVED_AT) for sighting in received))


Arrival = tuple[Sighting, datetime]


def fold_at(*received: Arrival) -> tuple[Call, Versions]:
    """Sightings merged in this order, each with the moment at which it was seen."""
    (first, received_at), *rest = received
    call, versions = first_call(first, "00000000-0000-4000-8000-000000000001", received_at)
    for sighting, received_at in rest:
        call, versions = merged(call, versions, sighting, received_at)
    return call, versions


def stored(state: tuple[Call, Versions]) -> tuple[bytes, bytes]:
    """A state as it is stored, byte for byte."""
    call, versions = state
    return encode(call), encode(versions)


encode = msgspec.json.Encoder(decimal_format="number").encode

WORDS = [
    *("status.completed", "status.ringing", "status.voicemail", "result.null", "result.busy"),
    *("direction.unknown", "sentiment.positive", "end_reason.other"),
]
DERIVED = [
    "status",
    "result",
    "created_at",
    "started_at",
    "turns",
    "turn_count",
    "agent",
    "direction",
    "news",
]
STAMPED = [
    *("status", "result", "turns", "created_at", "agent/name", "metadata/alpha", "analysis/sentiment"),
    *("vendor_words/status.completed", "vendor_words/status.ringing", "vendor_words/result.busy"),
]
seen_at_some_time = st.tuples(
    st.tuples(
        sightings(),
        st.fixed_dictionaries(
            {},
            optional={
                "vendor_words": st.dictionaries(st.sampled_from(WORDS), st.sampled_from("xy"), max_size=3),
                "derived": st.lists(st.sampled_from(DERIVED), max_size=3),
                "as_of_by_path": st.dictionaries(st.sampled_from(STAMPED), instants, max_size=2),
                "tool_calls": st.lists(st.just(ToolCall(name="look_up")), max_size=1),
            },
        ),
    ).map(lambda parts: structs.replace(parts[0], **parts[1])),
    st.integers(0, 3).map(lambda hours: RECEIVED_AT + timedelta(hours=hours)),
)
"""Sightings with all that decides between two of them, few different ones, so that ties are common."""


@given(st.lists(seen_at_some_time, min_size=2, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_order_of_sightings_ends_in_the_same_values_and_versions(received: list[Arrival]) -> None:
    expected = stored(fold_at(*received))
    for order in permutations(received):
        assert stored(fold_at(*order)) == expected


@given(st.lists(seen_at_some_time, min_size=1, max_size=3), st.data())
@settings(max_examples=200, deadline=None)
def test_a_repeated_sighting_moves_neither_a_value_nor_a_version(
    received: list[Arrival], data: st.DataObject
) -> None:
    call, versions = fold_at(*received)
    same, same_versions = merged(call, versions, *data.draw(st.sampled_from(received)))
    assert same is call
    assert same_versions is versions


@given(st.lists(seen_at_some_time, min_size=3, max_size=5), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_sightings_may_be_merged_in_groups_before_the_groups_are(received: list[Arrival], size: int) -> None:
    first, second = received[:size], received[size:] or received[-1:]
    whole = merged(*fold_at(*first), as_sighting(*fold_at(*second)), RECEIVED_AT)
    assert stored(whole) == stored(fold_at(*received))


def as_sighting(call: Call, versions: Versions) -> Sighting:
    """A state as one sighting that states everything with its own time."""
    times = {path: datetime.fromtimestamp(version / 1000, UTC) for path, version in versions.items()}
    said = {name: getattr(call, name) for name in STATEMENTS}
    return sighting_with(derived=call.derived, as_of=times.pop("*"), as_of_by_path=times, **said)


@given(seen_at_some_time, seen_at_some_time)
@settings(max_examples=200, deadline=None)
def test_what_a_sighting_moved_is_reported_exactly(one: Arrival, other: Arrival) -> None:
    call, versions = fold_at(one)
    more, more_versions = merged(call, versions, *other)
    if encode(more) != encode(call):
        assert difference(call, versions, more, more_versions) is Difference.VALUES
    elif more_versions != versions:
        assert difference(call, versions, more, more_versions) is Difference.VERSIONS
        assert more is call
    else:
        assert difference(call, versions, more, more_versions) is Difference.NONE
        assert more is call
        assert more_versions is versions


@given(sightings())
@settings(max_examples=100, deadline=None)
def test_a_call_that_is_reported_again_as_a_whole_is_the_same_call(received: Sighting) -> None:
    call, versions = fold(received)
    whole = sighting_of(call)
    assert merged(call, versions, whole, RECEIVED_AT)[0] == call


def test_a_confirmation_moves_the_version_and_decides_what_is_older() -> None:
    first = sighting_with(created_at=START, as_of=START, end_reason=EndReason.AGENT_HANGUP)
    between = sighting_with(as_of=START + timedelta(seconds=1), end_reason=EndReason.USER_HANGUP)
    last = sighting_with(as_of=START + timedelta(seconds=2), end_reason=EndReason.AGENT_HANGUP)
    for order in permutations([first, between, last]):
        assert fold(*order)[0].end_reason is EndReason.AGENT_HANGUP


@pytest.mark.parametrize("path", EMPTY_VALUES, ids=lambda path: path[0])
def test_what_says_nothing_at_its_path_never_replaces_what_says_something(path: tuple[str]) -> None:
    (name,) = path
    values: dict[str, Any] = {
        "direction": Direction.INBOUND,
        "channel": Channel.PHONE,
        "turns": [Turn(Role.USER, "hello")],
        "tool_calls": [ToolCall(name="look_up")],
        "events": [{"type": "begun"}],
        "transcript_text": "User: hello",
    }
    nothing = {"direction": Direction.UNKNOWN, "channel": Channel.UNKNOWN}.get(name, EMPTY_VALUES[path])
    said = sighting_with(created_at=START, as_of=START, **{name: values[name]})
    empty = sighting_with(as_of=START + timedelta(hours=1), **{name: nothing})
    for order in ([said, empty], [empty, said]):
        assert getattr(fold(*order)[0], name) == values[name]
    assert getattr(fold(empty)[0], name) == nothing


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"metadata": {"mood": "good"}}, {"metadata": {"mood": "unknown"}}),
        ({"metadata": {"tags": ["a"]}}, {"metadata": {"tags": []}}),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {}}}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": True}}),
        ({"analysis": Analysis(custom={"q": "yes"})}, {"analysis": Analysis(custom={"q": "unknown"})}),
        ({"analysis": Analysis(evaluations=[{"a": 1}])}, {"analysis": Analysis(evaluations=[])}),
        (
            {"analysis": Analysis(sentiment=Sentiment.POSITIVE)},
            {"analysis": Analysis(sentiment=Sentiment.UNKNOWN)},
        ),
        ({"end_reason_raw": "hangup"}, {"end_reason_raw": "unknown"}),
        ({"billing_status": "paid"}, {"billing_status": ""}),
        ({"cost": Cost(items=[{"a": 1}])}, {"cost": Cost(items=[])}),
        ({"latency": {"e2e": 1}}, {"latency": {}}),
        ({"agent": Agent(config={"a": 1})}, {"agent": Agent(config={})}),
    ],
)
def test_elsewhere_the_same_value_is_a_statement_like_any_other(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    before = sighting_with(created_at=START, as_of=START, **earlier)
    after = sighting_with(created_at=START, as_of=START + timedelta(hours=1), **later)
    for order in ([before, after], [after, before]):
        assert encode({name: getattr(fold(*order)[0], name) for name in later}) == encode(
            {name: getattr(fold(after)[0], name) for name in later}
        )


def test_a_word_that_was_outdated_stays_so_whatever_becomes_of_the_value() -> None:
    ringing = sighting_with(
        created_at=START,
        as_of=START + timedelta(hours=1),
        status=Status.RINGING,
        vendor_words={"status.ringing": "dialing"},
    )
    again = sighting_with(as_of=START + timedelta(hours=2), status=Status.IN_PROGRESS)
    over = sighting_with(as_of=START, status=Status.COMPLETED)
    expected = fold(ringing, again, over)[0]
    for order in permutations([ringing, again, over]):
        assert fold(*order)[0] == expected


def test_an_amount_keeps_the_digits_it_was_reported_with() -> None:
    first = sighting_with(created_at=START, as_of=START, cost=Cost(Decimal("1.50"), "USD"))
    more = sighting_with(as_of=START + timedelta(hours=1), from_number="+12025550100")
    for order in ([first, more], [more, first]):
        assert b'"amount":1.50' in encode(fold(*order)[0])


def test_an_absent_field_and_a_null_erase_nothing() -> None:
    call, _ = fold(
        sighting_with(created_at=START, agent=Agent(id="a", name="Ada"), turns=[Turn(Role.USER, "hello")]),
        sighting_with(created_at=START, updated_at=START + timedelta(hours=1), agent=None, turns=[]),
        sighting_with(updated_at=START + timedelta(hours=2), agent=Agent(id="a")),
    )
    assert call.agent == Agent(id="a", name="Ada")
    assert call.turns == [Turn(Role.USER, "hello")]


def test_an_ended_call_does_not_go_back_to_live() -> None:
    late = sighting_with(created_at=START, updated_at=START + timedelta(hours=5), status=Status.IN_PROGRESS)
    done = sighting_with(created_at=START, updated_at=START + timedelta(hours=1), status=Status.BUSY)
    assert fold(done, late)[0].status is Status.BUSY
    assert fold(late, done)[0].status is Status.BUSY


def test_the_later_statement_wins_whenever_it_arrives() -> None:
    old = sighting_with(created_at=START, as_of=START, from_number="+12025550100")
    new = sighting_with(created_at=START, as_of=START + timedelta(hours=1), from_number="+12025550101")
    assert fold(old, new)[0].from_number == "+12025550101"
    assert fold(new, old)[0].from_number == "+12025550101"


def test_a_stated_value_beats_a_derived_one_and_removes_its_mark() -> None:
    guessed = sighting_with(
        created_at=START, as_of=START + timedelta(hours=1), started_at=START, derived=["started_at"]
    )
    known = sighting_with(created_at=START, as_of=START, started_at=START + timedelta(seconds=4))
    call, _ = fold(guessed, known)
    assert call.started_at == START + timedelta(seconds=4)
    assert "started_at" not in (call.derived or [])


def test_a_call_without_a_time_of_creation_takes_the_earliest_it_was_seen_and_says_so() -> None:
    call, versions = first_call(
        sighting_with(status=Status.QUEUED), "00000000-0000-4000-8000-000000000001", RECEIVED_AT
    )
    assert call.created_at == RECEIVED_AT
    assert call.derived == ["created_at"]
    again, _ = merged(call, versions, sighting_with(status=Status.QUEUED), RECEIVED_AT + timedelta(hours=3))
    assert again.created_at == RECEIVED_AT


def seen_in_turn(*received: Sighting) -> Call:
    """Sightings that come in an hour apart."""
    call, versions = first_call(received[0], "00000000-0000-4000-8000-000000000001", RECEIVED_AT)
    for hours, sighting in enumerate(received[1:], 1):
        call, versions = merged(call, versions, sighting, RECEIVED_AT + timedelta(hours=hours))
    return call


def test_what_has_no_time_of_its_own_is_as_old_as_the_moment_it_was_seen() -> None:
    ended = {"created_at": START, "ended_at": START + timedelta(minutes=5), "status": Status.COMPLETED}
    before = sighting_with(
        **ended, duration_ms=317_000, analysis=Analysis(summary="A long summary.", success=False)
    )
    after = sighting_with(**ended, duration_ms=9_000, analysis=Analysis(summary="Short.", success=True))
    call = seen_in_turn(before, after)
    assert call.duration_ms == 9_000
    assert call.analysis == Analysis(summary="Short.", success=True)


def test_a_poorer_version_of_one_conversation_does_not_replace_a_richer_one_that_came_before() -> None:
    ended = {"created_at": START, "ended_at": START + timedelta(minutes=5), "status": Status.COMPLETED}
    rich = [Turn(Role.USER, "hello", words=[Word("hello", 0, 400)])]
    call = seen_in_turn(
        sighting_with(**ended, turns=rich), sighting_with(**ended, turns=[Turn(Role.USER, "hello")])
    )
    assert call.turns == rich
