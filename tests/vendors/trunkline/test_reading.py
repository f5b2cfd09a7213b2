from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import read_call
from trunkline.model.call import (
    Agent,
    Analysis,
    Call,
    Campaign,
    Contact,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Verbatim,
    Word,
)
from trunkline.model.field_problems import FieldProblem
from trunkline.model.merge import first_call, settled
from trunkline.model.sighting import STATEMENTS
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors.trunkline import DIALECT
from trunkline.vendors.trunkline.recognition import SAVED

ID = "f1e2d3c4-b5a6-7890-1234-567890abcdef"
SEEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
BY_HAND = {"vendor_call_id": "c-1"}

text = st.text(max_size=12)
indexed = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
identifier = indexed.filter(lambda found: bool(found.strip()))
instant = st.datetimes(timezones=st.just(UTC))
whole_ms = st.integers(0, 10**8)
amount = st.decimals(-(10**8), 10**8, places=4)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
json_object = st.dictionaries(text, anything, max_size=2)
json_objects = st.lists(json_object, max_size=2)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def parts(record: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return maybe(st.builds(record, **{name: maybe(strategy) for name, strategy in fields.items()}))


words = st.builds(
    Word,
    word=text,
    start_ms=maybe(whole_ms),
    end_ms=maybe(whole_ms),
    confidence=maybe(st.floats(0, 1)),
)
turns = st.builds(
    Turn,
    role=st.sampled_from(Role),
    text=text,
    start_ms=maybe(whole_ms),
    end_ms=maybe(whole_ms),
    words=st.just(UNSET) | st.lists(words, max_size=2),
)
tool_calls = st.builds(
    ToolCall,
    name=maybe(text),
    id=maybe(text),
    arguments=anything,
    result=anything,
    position=maybe(st.integers(0, 9)),
    result_position=maybe(st.integers(0, 9)),
    start_ms=maybe(whole_ms),
)
calls = st.builds(
    Call,
    id=st.uuids().map(str),
    vendor=identifier,
    vendor_call_id=identifier,
    trace_id=maybe(text),
    direction=st.sampled_from(Direction),
    channel=st.sampled_from(Channel),
    vendor_type=maybe(text),
    from_number=maybe(indexed),
    to_number=maybe(indexed),
    status=st.sampled_from(Status),
    result=maybe(st.sampled_from(Result)),
    end_reason=maybe(st.sampled_from(EndReason)),
    end_reason_raw=maybe(text),
    created_at=instant,
    updated_at=maybe(instant),
    scheduled_at=maybe(instant),
    started_at=maybe(instant),
    ended_at=maybe(instant),
    duration_ms=maybe(whole_ms),
    agent=parts(Agent, id=indexed, name=text, config=json_object),
    campaign=parts(Campaign, id=indexed, name=text),
    contact=parts(Contact, id=text, full_name=text, phone_number=indexed, email=text, country=text),
    turns=st.just(UNSET) | st.lists(turns, max_size=2),
    tool_calls=st.just(UNSET) | st.lists(tool_calls, max_size=2),
    transcript_text=st.just(UNSET) | maybe(text),
    analysis=parts(
        Analysis,
        summary=text,
        sentiment=st.sampled_from(Sentiment),
        success=st.booleans(),
        voicemail=st.booleans(),
        engaged=st.booleans(),
        custom=json_object,
        evaluations=json_objects,
    ),
    cost=parts(Cost, amount=amount, unit=text, items=json_objects),
    billing_status=maybe(text),
    latency=maybe(json_object),
    usage=maybe(json_object),
    errors=maybe(json_object),
    turn_count=maybe(st.integers(0, 500)),
    recording=parts(Recording, enabled=st.booleans(), url=text),
    log_url=maybe(text),
    privacy=parts(Privacy, opt_out=st.booleans()),
    telephony=parts(Telephony, sid=text, conference_sid=text, transport=text),
    metadata=maybe(json_object),
    events=st.just(UNSET) | maybe(json_objects),
    vendor_words=maybe(st.dictionaries(text, indexed, max_size=2)),
    vendor_fields=maybe(json_object),
    verbatim=maybe(st.dictionaries(text, st.builds(Verbatim, printed=text, value=anything), max_size=2)),
    derived=maybe(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=3, unique=True).map(sorted)),
).map(settled)


def read_back(raw: Any) -> Call:
    sighting = DIALECT.from_wire(raw)
    assert isinstance(sighting.id, str)
    return first_call(sighting, sighting.id, SEEN_AT)[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls)
def test_a_call_that_was_printed_is_read_back_as_the_same_call(call: Call) -> None:
    assert read_back(msgspec.to_builtins(call)) == call
    encoded = msgspec.json.Encoder(decimal_format="number").encode(DIALECT.to_wire(call))
    assert read_back(msgspec.json.decode(encoded)) == call


def test_every_field_of_a_call_is_generated_above() -> None:
    named = {"id", "vendor", "vendor_call_id", "derived", *STATEMENTS}
    assert {field.name for field in structs.fields(Call)} == named


def test_a_line_written_by_hand_needs_an_id_and_nothing_else() -> None:
    sighting = DIALECT.from_wire(BY_HAND)
    assert (sighting.vendor, sighting.vendor_call_id, sighting.id) == ("trunkline", "c-1", UNSET)
    assert all(getattr(sighting, name) is UNSET for name in (*STATEMENTS, "derived", "as_of"))


def test_the_id_replaces_the_vendors_in_lower_case() -> None:
    sighting = DIALECT.from_wire({"id": ID.upper(), "vendor_call_id": None, "vendor": None})
    assert (sighting.vendor, sighting.vendor_call_id, sighting.id) == ("trunkline", ID, ID)


def test_keys_that_are_no_fields_are_ignored() -> None:
    extra = {"org": "acme", "status_text": "fine", "as_of": "2026-01-01T00:00:00Z", "": None}
    assert DIALECT.from_wire(BY_HAND | extra) == DIALECT.from_wire(BY_HAND)


def test_null_says_that_a_field_is_empty_and_absent_says_nothing() -> None:
    sighting = DIALECT.from_wire(BY_HAND | {"result": None, "duration_ms": None, "events": None})
    assert (sighting.result, sighting.duration_ms, sighting.events) == (None, None, None)
    assert sighting.end_reason is UNSET


@pytest.mark.parametrize(
    "name", ["id", "direction", "channel", "status", "created_at", "turns", "tool_calls"]
)
def test_null_counts_as_absent_where_a_call_cannot_have_it(name: str) -> None:
    assert getattr(DIALECT.from_wire(BY_HAND | {name: None}), name) is UNSET


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-15T14:30:00Z", datetime(2026, 3, 15, 14, 30, tzinfo=UTC)),
        ("2026-03-15T14:30:00", datetime(2026, 3, 15, 14, 30, tzinfo=UTC)),
        ("2026-03-15 14:30", datetime(2026, 3, 15, 14, 30, tzinfo=UTC)),
        ("2026-03-15T14:30:00.25+02:00", datetime(2026, 3, 15, 12, 30, 0, 250000, tzinfo=UTC)),
        ("2026-03-15", datetime(2026, 3, 15, tzinfo=UTC)),
    ],
)
def test_an_instant_without_a_zone_is_utc(said: str, meant: datetime) -> None:
    sighting = DIALECT.from_wire(BY_HAND | {"created_at": said, "ended_at": said})
    assert (sighting.created_at, sighting.ended_at) == (meant, meant)


def test_money_keeps_its_digits() -> None:
    sighting = DIALECT.from_wire(BY_HAND | {"cost": {"amount": "0.10", "unit": "USD"}})
    assert sighting.cost == Cost(amount=Decimal("0.10"), unit="USD")
    assert DIALECT.from_wire(BY_HAND | {"cost": {"amount": 0.1}}).cost == Cost(amount=Decimal("0.1"))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": "c-1"}, "id"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"status": "ended"}, "status"),
        ({"status": "COMPLETED"}, "status"),
        ({"result": "success"}, "result"),
        ({"direction": "sideways"}, "direction"),
        ({"channel": "fax"}, "channel"),
        ({"end_reason": "bored"}, "end_reason"),
        ({"analysis": {"sentiment": "Positive"}}, "analysis.sentiment"),
        ({"analysis": {"success": "yes"}}, "analysis.success"),
        ({"turns": [{"role": "agent", "text": "a"}, {"role": "bot", "text": "b"}]}, "turns[1].role"),
        ({"turns": [{"role": "agent"}]}, "turns[0].text"),
        ({"turns": "hello"}, "turns"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2026-02-30"}, "created_at"),
        ({"started_at": 1770000000}, "started_at"),
        ({"duration_ms": -1}, "duration_ms"),
        ({"duration_ms": 10**12}, "duration_ms"),
        ({"duration_ms": True}, "duration_ms"),
        ({"turn_count": 1.5}, "turn_count"),
        ({"agent": "a-1"}, "agent"),
        ({"agent": {"id": 5}}, "agent.id"),
        ({"agent": {"id": "a\x00"}}, "agent.id"),
        ({"campaign": {"id": "\x00"}}, "campaign.id"),
        ({"contact": {"phone_number": "\x00"}}, "contact.phone_number"),
        ({"from_number": "+1\x00"}, "from_number"),
        ({"to_number": "+1\x00"}, "to_number"),
        ({"vendor_words": {"status.failed": "a\x00"}}, "vendor_words.status.failed"),
        ({"cost": {"amount": "NaN"}}, "cost.amount"),
        ({"cost": {"amount": "much"}}, "cost.amount"),
        ({"metadata": []}, "metadata"),
        ({"derived": "status"}, "derived"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(changes: dict[str, Any], path: str) -> None:
    sighting = read_call(DIALECT.from_wire, BY_HAND | changes)
    assert list(sighting.problems or ())[:1] == [path]
    assert sighting.vendor_call_id == BY_HAND["vendor_call_id"]
    unaffected = {name for name in BY_HAND if name not in changes}
    whole = read_call(DIALECT.from_wire, BY_HAND)
    assert all(getattr(sighting, name) == getattr(whole, name) for name in unaffected)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"vendor_call_id": None}, "vendor_call_id"),
        ({"vendor_call_id": ""}, "vendor_call_id"),
        ({"vendor_call_id": "x" * 201}, "vendor_call_id"),
        ({"vendor_call_id": "a\x00b"}, "vendor_call_id"),
        ({"vendor_call_id": ["a"]}, "vendor_call_id"),
        ({"vendor": " "}, "vendor"),
        ({"vendor": "x" * 201}, "vendor"),
        ({"vendor": "a\x00b"}, "vendor"),
    ],
)
def test_without_its_identity_a_call_is_nobodys(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_call(DIALECT.from_wire, BY_HAND | changes)
    assert caught.value.path == path
    assert caught.value.reason


@pytest.mark.parametrize("raw", [None, [], "call", 5])
def test_a_call_is_an_object(raw: Any) -> None:
    with pytest.raises(Unreadable):
        DIALECT.from_wire(raw)


def test_a_word_outside_our_lists_is_answered_with_the_list() -> None:
    status = DIALECT.from_wire(BY_HAND | {"status": "ended"}).problems or {}
    assert status["status"] == FieldProblem("'ended'", f"one of {', '.join(Status)}")
    role = DIALECT.from_wire(BY_HAND | {"turns": [{"role": "bot", "text": ""}]}).problems or {}
    assert role["turns[0].role"].expected == f"one of {', '.join(Role)}"


def test_nul_is_readable_where_nothing_is_looked_up_by_it() -> None:
    sighting = DIALECT.from_wire(BY_HAND | {"turns": [{"role": "user", "text": "\x00"}]})
    assert sighting.turns == [Turn(role=Role.USER, text="\x00")]


def test_a_saved_answer_is_split_in_every_variant() -> None:
    full = {"id": ID, "status": "completed", "vendor": "callem"}
    for call in (BY_HAND, full):
        for document in ({"calls": [call], "next_page_token": None}, {"calls": [call]}, [call], call):
            assert SAVED.calls_in(document) == [call]
    assert SAVED.calls_in({"calls": [], "next_page_token": None}) == []


@pytest.mark.parametrize(
    "document", [None, 5, "", {}, [], {"calls": []}, {"calls": [{"id": "x"}]}, {"calls": {}}]
)
def test_another_document_is_not_mistaken_for_an_answer(document: Any) -> None:
    assert SAVED.calls_in(document) is None
