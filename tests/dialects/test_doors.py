"""What every door must bring, and what must be true of whatever comes in by it; each failure says what."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

import trunkline.dialects
from tests.dialects.hooks import Capture, captures, kept_documents, lives, signs
from trunkline.dialects import dialects, doors
from trunkline.kit.door import AnswerExpected, Door, document_of
from trunkline.kit.listing_api import Request
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import Delivery, NotGenuine, SecretAddress
from trunkline.model.call import Call
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting

INTERLEAVINGS = int(os.environ.get("INTERLEAVINGS", "60"))

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY = list(doors().values())
ELSEWHERE = {"bland", "elevenlabs", "retell", "twilio", "ultravox", "vapi"}
"""Vendors whose captures and signatures have tests beside them, in a form of their own."""
HERE = [door for door in EVERY if door.name not in ELSEWHERE]
SIGNING = [door for door in HERE if not isinstance(door.signing, SecretAddress)]
CAPTURES = [(door, capture) for door in HERE for capture in captures(door.name)]
LIVES = [(door, life) for door in EVERY for life in lives(door)]
CALL_ID = "00000000-0000-4000-8000-000000000001"

captured_door = pytest.mark.parametrize("door", HERE, ids=[door.name for door in HERE])
every_door = pytest.mark.parametrize("door", EVERY, ids=[door.name for door in EVERY])
every_capture = pytest.mark.parametrize(
    ("door", "capture"), CAPTURES, ids=[capture.name for _, capture in CAPTURES]
)
every_life = pytest.mark.parametrize(
    ("door", "life"), LIVES, ids=[f"{door.name}-{life[0].vendor_call_id}" for door, life in LIVES]
)

# -- what a door says of itself -------------------------------------------


def test_a_door_is_found_under_the_name_of_its_file() -> None:
    folder = Path(trunkline.dialects.__file__).parent
    files = {path.stem for path in folder.iterdir() if not path.name.startswith(("_", "."))}
    assert set(doors()) | set(dialects()) == files
    assert [door.name for door in EVERY] == list(doors())


@every_door
def test_a_door_tells_its_sources_its_events_and_its_choices(door: Door) -> None:
    about = door.about.strip()
    assert re.fullmatch(rf"{door.title}: .+\.", about.partition("\n")[0]), "begin with `Title: ….`"
    for heading in ("Sources:", "Events:", "Not carried:", "Our choice:"):
        assert f"\n\n{heading}" in about, f"{door.name}: the module's docstring lacks a paragraph `{heading}`"


@every_door
def test_a_secret_is_described_exactly_if_there_is_one_to_give(door: Door) -> None:
    assert (door.signing.secret_is == "") == isinstance(door.signing, SecretAddress)


@every_door
def test_a_door_beside_a_dialect_has_its_title(door: Door) -> None:
    beside = dialects().get(door.name)
    assert beside is None or beside.title == door.title


def test_the_template_is_a_door_that_reads_and_refuses() -> None:
    door: Door = importlib.import_module("trunkline.dialects._template").DOOR
    call = {"id": "1", "state": "parked", "seconds": 1.5, "mood": "blue"}
    heard = door.read({"event": "call.ended", "at": "2026-03-02T09:00:00Z", "call": call})
    assert heard.unknown == ["call.state=parked", "call.mood"]
    assert [sighting.duration_ms for sighting in heard.sightings] == [1500]
    with pytest.raises(AnswerExpected):
        door.read({"event": "agent.pick"})
    with pytest.raises(Unreadable):
        door.read({"event": "call.ended", "call": {}})
    assert door.list_api is not None
    asked = door.list_api.first(NOW, None)
    listed = door.list_api.read({"calls": [call], "total": 2}, asked)
    assert listed.following is not None
    assert dict(listed.following.query) == {**dict(asked.query), "offset": "1"}


# -- the captures ---------------------------------------------------------


@captured_door
def test_there_are_captures_of_a_whole_call_and_of_what_nobody_knows(door: Door) -> None:
    found = captures(door.name)
    assert found, f"write tests/dialects/{door.name}/captures/hooks/*.json"
    assert [life for of, life in LIVES if of is door], "no call is spoken of in two captures"
    assert any(capture.heard.get("unknown") for capture in found), "no capture has an unknown word or field"


@every_capture
def test_a_capture_is_heard_as_it_says(door: Door, capture: Capture) -> None:
    assert capture.problem(door) is None


@every_capture
def test_a_capture_says_where_it_is_from_and_names_the_vendors_calls(door: Door, capture: Capture) -> None:
    beside = dialects().get(door.name)
    own_form = beside is not None and beside.keeps_everything
    assert capture.source
    for sighting in capture.sightings(door):
        assert own_form or sighting.vendor == door.name
        for name in ("said_at", "created_at", "updated_at", "started_at", "ended_at", "scheduled_at"):
            at = getattr(sighting, name)
            assert at is UNSET or at is None or at.utcoffset() == timedelta(0), f"{name} is not in UTC"


@every_capture
def test_reading_a_capture_leaves_the_document_as_it_was(door: Door, capture: Capture) -> None:
    document = capture.document()
    before = msgspec.json.encode(document)
    try:
        door.from_wire(document) if capture.read_by == "from_wire" else door.read(document)
    except (Unreadable, AnswerExpected):
        assert "raises" in capture.heard
    assert msgspec.json.encode(document) == before


# -- one call from many deliveries ----------------------------------------


def call_of(deliveries: Sequence[Sighting]) -> Call:
    """The call that deliveries make when they arrive in this order, an hour apart."""
    first, *others = deliveries
    call, stamps = first_call(first, CALL_ID, NOW)
    for hours, sighting in enumerate(others, 1):
        call, stamps = merged(call, stamps, sighting, NOW + timedelta(hours=hours))
    return call


@st.composite
def arrivals(draw: st.DrawFn, life: Sequence[Sighting]) -> list[Sighting]:
    """The deliveries of a call in any order, some of them more than once."""
    repeated = draw(st.lists(st.sampled_from(life), max_size=3))
    return draw(st.permutations([*life, *repeated]))


@every_life
@given(data=st.data())
@settings(max_examples=INTERLEAVINGS, deadline=None)
def test_deliveries_in_any_order_and_number_make_one_and_the_same_call(
    door: Door, life: list[Sighting], data: st.DataObject
) -> None:
    expected = call_of(life)
    call = call_of(data.draw(arrivals(life)))
    for name in Call.__struct_fields__:
        assert getattr(call, name) == getattr(expected, name), name


@every_life
def test_a_call_whose_end_was_told_has_ended(door: Door, life: list[Sighting]) -> None:
    told = [sighting.status for sighting in life if sighting.status is not UNSET]
    assert call_of(life).status.is_final == any(status.is_final for status in told)


# -- whatever comes in ----------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts
documents: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def is_read_or_refused(read: Callable[[Any], Any], document: Any) -> Any:
    """What a door reads; nothing for what it may refuse. Anything else that it raises is a failure."""
    try:
        return read(document)
    except (Unreadable, AnswerExpected):
        return None


@every_door
@given(document=documents)
@settings(max_examples=100, deadline=None)
def test_any_document_is_read_or_refused(door: Door, document: Any) -> None:
    is_read_or_refused(door.read, document)
    is_read_or_refused(door.from_wire, document)
    if door.list_api is not None:
        asked = door.list_api.first(None, None)
        is_read_or_refused(lambda answer: door.list_api and door.list_api.read(answer, asked), document)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, value in members:
        yield (*path, name)
        yield from places(value, (*path, name))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a path, or without what stands there."""
    copy = msgspec.json.decode(msgspec.json.encode(document))
    place = copy
    for name in path[:-1]:
        place = place[name]
    if value is UNSET:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


@every_door
@given(data=st.data())
@settings(max_examples=max(300, INTERLEAVINGS), deadline=None)
def test_a_capture_with_one_value_changed_is_read_or_refused(door: Door, data: st.DataObject) -> None:
    read_by, document = data.draw(st.sampled_from(kept_documents(door)))
    path = data.draw(st.sampled_from(list(places(document))))
    document = changed(document, path, data.draw(st.just(UNSET) | documents))
    if read_by == "from_wire":
        sighting = is_read_or_refused(door.from_wire, document)
        sightings = [] if sighting is None else [sighting]
    else:
        heard = is_read_or_refused(door.read, document)
        sightings = [] if heard is None else heard.sightings
    for sighting in sightings:
        msgspec.json.decode(msgspec.json.encode(call_of([sighting, sighting])), type=Call)


# -- signatures -----------------------------------------------------------

WAYS = [(door, way) for door in SIGNING for way in signs(door.name).WAYS]
every_way = pytest.mark.parametrize(("door", "way"), WAYS, ids=[f"{door.name}-{way}" for door, way in WAYS])


def sent(door: Door, way: str, at: datetime = NOW, secret: str | None = None) -> Delivery:
    module = signs(door.name)
    delivery: Delivery = module.WAYS[way](module.BODY, at, module.SECRET if secret is None else secret)
    return delivery


def refused(door: Door, delivery: Delivery, now: datetime = NOW) -> bool:
    try:
        door.signing.check(delivery, [signs(door.name).SECRET], now)
    except NotGenuine:
        return True
    return False


def each_byte_changed(text: bytes) -> Iterator[bytes]:
    for at, byte in enumerate(text):
        for bit in (0x01, 0x20):
            yield text[:at] + bytes([byte ^ bit]) + text[at + 1 :]


@every_way
def test_a_delivery_is_accepted_that_any_one_of_the_secrets_signed(door: Door, way: str) -> None:
    secret = signs(door.name).SECRET
    for secrets in ([secret], [f"{secret}x", secret], [secret, f"{secret}x"]):
        door.signing.check(sent(door, way), secrets, NOW)


@every_way
def test_a_delivery_is_refused_that_another_secret_signed_or_nobody(door: Door, way: str) -> None:
    secret = signs(door.name).SECRET
    assert refused(door, sent(door, way, secret=f"{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}"))
    with pytest.raises(NotGenuine):
        door.signing.check(sent(door, way), [], NOW)
    assert refused(door, structs.replace(sent(door, way), headers={}))


@every_way
def test_a_delivery_is_refused_without_one_of_its_headers_or_with_an_empty_one(door: Door, way: str) -> None:
    delivery = sent(door, way)
    for name in delivery.headers:
        if name != "content-type":
            rest = {other: value for other, value in delivery.headers.items() if other != name}
            assert refused(door, structs.replace(delivery, headers=rest)), name
            assert refused(door, structs.replace(delivery, headers={**rest, name: ""})), name


@every_way
def test_every_change_of_one_byte_of_the_body_is_refused(door: Door, way: str) -> None:
    module = signs(door.name)
    if way not in getattr(module, "COVERS_BODY", module.WAYS):
        return
    delivery = sent(door, way)
    content_type = delivery.headers.get("content-type", "application/json")
    for body in each_byte_changed(delivery.body):
        if getattr(module, "SIGNS_DOCUMENT", False) and _reads_the_same(delivery.body, body, content_type):
            continue
        assert refused(door, structs.replace(delivery, body=body)), body


def _reads_the_same(body: bytes, other: bytes, content_type: str) -> bool:
    try:
        return bool(document_of(other, content_type) == document_of(body, content_type))
    except Unreadable:
        return False


@every_way
def test_every_change_of_one_byte_of_a_header_or_of_the_address_is_refused(door: Door, way: str) -> None:
    delivery = sent(door, way)
    for name, value in delivery.headers.items():
        for changed_value in each_byte_changed(value.encode()):
            headers = {**delivery.headers, name: changed_value.decode("latin-1")}
            if name != "content-type":
                assert refused(door, structs.replace(delivery, headers=headers)), headers
    for url in each_byte_changed(delivery.url.encode()):
        assert refused(door, structs.replace(delivery, url=url.decode("latin-1"))), url


@every_way
def test_a_delivery_is_accepted_within_its_window_and_refused_outside(door: Door, way: str) -> None:
    window = signs(door.name).WINDOW
    if window is None:
        assert not refused(door, sent(door, way, at=NOW - timedelta(days=400)))
        return
    second = timedelta(seconds=1)
    for at in (NOW, NOW - window.past, NOW + window.future):
        assert not refused(door, sent(door, way, at=at)), at
    for at in (NOW - window.past - second, NOW + window.future + second):
        assert refused(door, sent(door, way, at=at)), at


# -- asking for calls -----------------------------------------------------

LISTED = [door for door in EVERY if door.list_api is not None]
every_list = pytest.mark.parametrize("door", LISTED, ids=[door.name for door in LISTED])


@every_list
def test_a_request_is_data_that_can_be_kept_and_sent_later(door: Door) -> None:
    api = door.list_api
    assert api is not None
    for since, until in ((None, None), (NOW - timedelta(days=7), NOW)):
        request = api.first(since, until)
        assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request
        assert request.path.startswith("/")
        assert "?" not in request.path


@every_list
def test_a_credential_is_worn_in_headers_and_nowhere_else(door: Door) -> None:
    api = door.list_api
    assert api is not None
    assert api.base_url.startswith("https://" if door.name != "trunkline" else "http://127.0.0.1")
    assert not api.base_url.endswith("/")
    credential = {name: f"value-of-{name}" for name in api.credential}
    worn = api.headers(credential)
    assert worn
    assert api.credential
    assert api.requests_per_minute > 0
    query = "&".join(value for _, value in api.first(None, None).query)
    assert not any(value in query for value in credential.values())


@every_list
def test_an_id_cannot_lead_a_request_elsewhere(door: Door) -> None:
    api = door.list_api
    assert api is not None
    assert (api.one is None) == (api.read_one is None)
    if api.one is not None:
        usual, odd = api.one("abc"), api.one("../a?b#c/d")
        assert odd.path.count("/") == usual.path.count("/")
        assert not set("?#") & set(odd.path)
