"""JSON as senders write it: read as it is meant, and what was put right is named."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kit.json_reader import REPLACEMENT, problems_of_part, read_json
from trunkline.kit.payload import Unreadable
from trunkline.model.field_problems import FieldProblems

texts = st.text(st.characters(), max_size=6) | st.sampled_from(["\ud800", "\udc00x", "\ud83d\ude00", "\x00"])
numbers = st.integers(-(10**45), 10**45) | st.floats()
documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
HALF = re.compile("[\ud800-\udfff]")
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


def whole(value: Any) -> Any:
    """What a document becomes by what is put right in it, found by other means than the reader's."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        joined = json.loads(json.dumps(value))  # two halves side by side are one character
        return "".join(REPLACEMENT if "\ud800" <= one <= "\udfff" else one for one in joined)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {whole(name): whole(item) for name, item in value.items()}
    return value


def parts(value: Any) -> list[Any]:
    """Everything in a document, names of members included."""
    if isinstance(value, list):
        return [part for item in value for part in parts(item)]
    if isinstance(value, dict):
        return [part for name, item in value.items() for part in (name, *parts(item))]
    return [value]


@given(document=documents, ascii_only=st.booleans(), encoding=st.sampled_from(ENCODINGS))
@settings(max_examples=600, deadline=None)
def test_what_python_writes_is_read_and_equal_but_for_what_is_named(
    document: Any, ascii_only: bool, encoding: str
) -> None:
    text = json.dumps({"document": document}, ensure_ascii=ascii_only, allow_nan=True)
    problems: FieldProblems = {}
    found = read_json(text.encode(encoding, "surrogatepass"), problems)
    assert found == {"document": whole(document)}
    inside = parts(document)
    halves = [part for part in inside if isinstance(part, str) and HALF.search(part)]
    if any(HALF.search(json.loads(json.dumps(half))) for half in halves):
        assert "payload (characters)" in problems
    if not halves:
        assert "payload (characters)" not in problems
    assert ("payload (numbers)" in problems) == any(
        isinstance(part, float) and not math.isfinite(part) for part in inside
    )
    assert ("payload (encoding)" in problems) == (encoding != "utf-8")


@given(body=st.binary(max_size=60) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=600, deadline=None)
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    with suppress(Unreadable):
        read_json(body, {})


@given(body=documents.map(json.dumps), places=st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=3))))
@settings(max_examples=600, deadline=None)
def test_json_with_damage_is_read_or_unreadable(body: str, places: list[tuple[int, bytes]]) -> None:
    damaged = body.encode()
    for place, put in places:
        damaged = damaged[:place] + put + damaged[place + len(put) :]
    with suppress(Unreadable):
        read_json(damaged, {})


@pytest.mark.parametrize("levels", [250, 1500, 200_000])
@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_what_is_nested_without_end_costs_only_its_inner_part(
    levels: int, opens: bytes, closes: bytes
) -> None:
    body = b'{"id": "c-1", "deep": ' + opens * levels + b"1" + closes * levels + b', "to": "[\\"{"}'
    problems: FieldProblems = {}
    found = read_json(body, problems)
    assert (found["id"], found["to"]) == ("c-1", '["{')
    assert list(problems) == ([] if levels == 250 else ["payload (depth)"])


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"]" * 10, b'{"a": [1, 2'])
def test_what_does_not_end_is_no_json(body: bytes) -> None:
    with pytest.raises(Unreadable, match="payload: is not JSON"):
        read_json(body, {})


@pytest.mark.parametrize(
    ("body", "value", "path"),
    [
        (b'{"a": "caf\xe9"}', f"caf{REPLACEMENT}", "payload (encoding)"),
        (b'{"a": "\xed\xa0\x80"}', REPLACEMENT, "payload (characters)"),
        (b'{"a": "\xef\xbf\xbd\xff"}', f"{REPLACEMENT}{REPLACEMENT}", "payload (encoding)"),
        (b'\xef\xbb\xbf{"a": "\xe9"}', REPLACEMENT, "payload (bytes)"),
        (b'{"a": "line\nbreak"}', "line\nbreak", None),
        (b'{"a": 1e999}', "1e999", None),
        (b'{"a": ' + b"9" * 5000 + b"}", "9" * 5000, None),
    ],
    ids=[
        "Latin-1",
        "half a pair in UTF-8",
        "beside a real one",
        "after a mark",
        "a line break",
        "huge",
        "long",
    ],
)
def test_odd_bytes_and_numbers_are_read(body: bytes, value: object, path: str | None) -> None:
    problems: FieldProblems = {}
    assert read_json(body, problems) == {"a": value}
    assert path is None or path in problems


def test_only_the_part_that_may_hold_it_is_named() -> None:
    problems: FieldProblems = {}
    good, bad, odd = read_json(b'\xef\xbb\xbf[{"a": 1}, {"a": "\\ud800"}, {"a": NaN}]', problems)
    assert list(problems) == ["payload (encoding)", "payload (numbers)", "payload (characters)"]
    named = [
        list(problems_of_part(json.dumps(part, ensure_ascii=False).encode(), problems))
        for part in (good, bad, odd)
    ]
    assert named == [[], ["payload (characters)"], ["payload (numbers)"]]
