"""Long JSON is read and written in chunks, and nobody can tell from the outcome."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import calls
from trunkline.model import chunked_json
from trunkline.model.call import Call, Turn
from trunkline.model.chunked_json import ChunkedDecoder, ChunkedEncoder, converted, is_equal
from trunkline.model.sighting import Sighting
from trunkline.model.stored_transcript import Transcript

encode = msgspec.json.Encoder(decimal_format="number").encode

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=30,
)


@pytest.fixture(autouse=True)
def tiny_chunks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything is long."""
    if "as_it_is" in request.fixturenames:
        yield
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chunked_json, "LONG_BYTES", 2)
        patched.setattr(chunked_json, "_CHUNK_BYTES", 20)
        patched.setattr(chunked_json, "LONG_ITEMS", 1)
        patched.setattr(chunked_json, "_CHUNK_ITEMS", 2)
        yield


@given(json_values)
def test_values_are_read_and_written_as_ever(value: Any) -> None:
    text = encode(value)
    assert ChunkedEncoder(decimal_format="number").encode(value) == text
    read = ChunkedDecoder().decode(text)
    assert encode(read) == text  # the order of members too
    assert ChunkedDecoder().decode(b" \n" + text) == msgspec.json.decode(text)


@given(json_values, json_values)
def test_values_are_equal_as_ever(one: Any, other: Any) -> None:
    assert is_equal(one, other) == (one == other)
    assert is_equal(one, copy.deepcopy(one))


@given(calls())
def test_calls_are_read_and_written_as_ever(call: Call) -> None:
    text = encode(call)
    assert ChunkedEncoder(decimal_format="number").encode(call) == text
    assert ChunkedEncoder(decimal_format="number").encode([call]) == b"[" + text + b"]"
    assert ChunkedDecoder(Call).decode(text) == msgspec.json.decode(text, type=Call)
    assert ChunkedDecoder(Call).decode(text.decode()) == call
    heavy = encode(Transcript(call.turns, call.tool_calls, call.transcript_text, call.events))
    assert ChunkedDecoder(Transcript).decode(heavy) == msgspec.json.decode(heavy, type=Transcript)
    said = msgspec.json.decode(text)
    assert converted(said, Sighting) == msgspec.convert(said, Sighting)


@given(json_values, st.data())
def test_what_is_no_json_is_refused_as_ever(value: Any, data: st.DataObject) -> None:
    text = bytearray(encode(value))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + 1] = data.draw(st.binary(max_size=2))
    try:
        expected = msgspec.json.decode(bytes(text))
    except (msgspec.DecodeError, UnicodeDecodeError):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            ChunkedDecoder().decode(bytes(text))
    else:
        assert encode(ChunkedDecoder().decode(bytes(text))) == encode(expected)


@pytest.mark.parametrize("place", [0, 1, 7, 19])
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("turns", {"role": "nobody", "text": "Hello."}),
        ("turns", {"role": "user", "text": "Hello.", "words": [{"word": "Hello"}, {"word": 5}]}),
        ("turns", {"role": "user"}),
        ("turns", 5),
        ("events", ["a long enough list"] * 3),
    ],
)
def test_what_is_wrong_is_found_in_its_place(name: str, wrong: Any, place: int) -> None:
    good: Any = {"role": "user", "text": "Hello."}
    said = {
        "id": "",
        "vendor": "x",
        "vendor_call_id": "1",
        "status": "busy",
        "created_at": "2026-03-02T09:30:04Z",
        name: [good] * place + [wrong] + [good] * 3,
    }
    text = encode(said)
    with pytest.raises(msgspec.ValidationError) as expected:
        msgspec.json.decode(text, type=Call)
    assert f"[{place}]" in str(expected.value)
    with pytest.raises(msgspec.ValidationError) as found:
        ChunkedDecoder(Call).decode(text)
    assert str(found.value) == str(expected.value)
    with pytest.raises(msgspec.ValidationError) as found:
        converted(said, Sighting)
    assert str(found.value) == str(expected.value)


def test_the_wrong_kind_of_a_long_value_is_named() -> None:
    text = encode({"turns": {f"turn {number}": "Hello." for number in range(9)}})
    with pytest.raises(msgspec.ValidationError) as found:
        ChunkedDecoder(Transcript).decode(text)
    assert str(found.value) == "Expected `array`, got `object` - at `$.turns`"


def test_a_list_in_a_list_is_counted_from_its_own_beginning() -> None:
    text = encode([[{"role": "user", "text": "a" * 30}] * 3] * 4 + [[{"role": "user", "text": "a" * 30}, 5]])
    with pytest.raises(msgspec.ValidationError) as expected:
        msgspec.json.decode(text, type=list[list[Turn]])
    with pytest.raises(msgspec.ValidationError) as found:
        ChunkedDecoder(list[list[Turn]]).decode(text)
    assert str(found.value) == str(expected.value)


# -- how much is done at a time -------------------------------------------


@pytest.fixture
def as_it_is() -> None:
    """Chunks as large as they are."""


class Spy:
    """Counts the bytes that go through the library at once."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self.most_bytes = 0

    def __call__(self, value: Any) -> Any:
        result = self._function(value)
        texts = [one for one in (value, result) if isinstance(one, bytes)]
        self.most_bytes = max(self.most_bytes, *map(len, texts), 0)
        return result


def test_no_more_than_a_chunk_goes_through_the_library_at_once(
    as_it_is: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [{"role": "user", "text": f"Turn {number} of a call."} for number in range(100_000)]
    text = encode({"turns": said, "transcript_text": None})
    spies: list[Spy] = []
    usual = ChunkedDecoder.__init__

    def spied(decoder: ChunkedDecoder, *arguments: Any, **options: Any) -> None:
        usual(decoder, *arguments, **options)
        decoder._whole = Spy(decoder._whole)
        spies.append(decoder._whole)

    monkeypatch.setattr(ChunkedDecoder, "__init__", spied)
    assert len(text) > 40 * chunked_json._CHUNK_BYTES
    for kind in (Transcript, Any):
        assert encode(ChunkedDecoder(kind).decode(text))
    encoder = ChunkedEncoder()
    encoder.encode_short = written = Spy(encoder.encode_short)
    assert b",".join(encoder._lists(said)) == text[text.index(b"[") + 1 : text.rindex(b"]")]
    assert 0 < max(spy.most_bytes for spy in spies) <= chunked_json._CHUNK_BYTES + 100
    assert 0 < written.most_bytes <= chunked_json._CHUNK_BYTES
