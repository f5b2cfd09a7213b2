"""Files of calls, read piece by piece: the calls in them, and what is reported about the rest."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.ingest.file_reader import Reader, Rejected
from trunkline.ingest.files import MAX_LINE_BYTES, Entry, Source
from trunkline.ingest.payload_reader import file_forms
from trunkline.kit.json_depth import MAX_DEPTH
from trunkline.kit.storable import read_call
from trunkline.service.received import Received
from trunkline.vendors import dialects, saved_answers

CAPTURES = sorted((Path(__file__).parents[1] / "vendors").glob("*/captures/*.json"))

Found = tuple[list[Received], list[Rejected]]


def call(call_id: str, **more: Any) -> dict[str, Any]:
    return {"vendor": "elsewhere", "vendor_call_id": call_id, "status": "completed", **more}


def line(call_id: str, **more: Any) -> bytes:
    return json.dumps(call(call_id, **more)).encode() + b"\n"


def read(path: Path, dialect: str | None = None) -> Found:
    reader = Reader(file_forms(), dialect)
    with Source(path) as source:
        found = [item for piece in source.entries() for item in reader.read(path.name, piece)]
    seen = [item for item in found if isinstance(item, Received)]
    return seen, [item for item in found if isinstance(item, Rejected)]


def ids(found: list[Received]) -> list[str]:
    return [seen.sighting.vendor_call_id for seen in found if seen.sighting is not None]


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., Found]:
    def read_bytes(content: bytes, dialect: str | None = None) -> Found:
        path = tmp_path / "calls.jsonl"
        path.write_bytes(content)
        return read(path, dialect)

    return read_bytes


Reading = Callable[..., Found]

# -- forms of a file ------------------------------------------------------


def test_json_lines_are_read_in_order_with_any_line_ends_and_empty_lines_between(reading: Reading) -> None:
    seen, rejected = reading(b"\r\n".join([line("a").strip(), b"", b"  ", line("b")]) + line("c"))
    assert (ids(seen), rejected) == (["a", "b", "c"], [])


def test_a_last_line_need_not_end(reading: Reading) -> None:
    seen, rejected = reading(line("a") + line("b").strip())
    assert (ids(seen), rejected) == (["a", "b"], [])


def test_a_byte_order_mark_is_skipped_also_where_files_were_joined(reading: Reading) -> None:
    seen, rejected = reading((b"\xef\xbb\xbf" + line("a")) * 2)
    assert (ids(seen), rejected) == (["a", "a"], [])


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf"], ids=repr)
def test_an_empty_file_holds_nothing_and_nothing_is_wrong_with_it(content: bytes, reading: Reading) -> None:
    assert reading(content) == ([], [])


@pytest.mark.parametrize("indent", [None, 0, 1, 2, "\t"], ids=repr)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_a_saved_answer_is_recognised_and_read_however_it_is_printed(
    path: Path, indent: int | str | None, reading: Reading
) -> None:
    body = json.loads(path.read_text())["body"]
    vendor = dialects()[path.parents[1].name]
    calls = saved_answers()[vendor.name].calls_in(body)
    assert calls
    text = json.dumps(body, indent=indent, ensure_ascii=indent != 2).encode()
    seen, rejected = reading(text)
    assert rejected == []
    assert [one.sighting for one in seen] == [read_call(vendor.from_wire, item) for item in calls]
    twice, _ = reading(text + b"\n" + text + b"\n")
    assert ids(twice) == ids(seen) * 2


def test_gzip_is_known_by_its_content_also_in_several_members(reading: Reading) -> None:
    seen, rejected = reading(gzip.compress(line("a") + line("b")) + gzip.compress(line("c")))
    assert (ids(seen), rejected) == (["a", "b", "c"], [])


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(line("a") + line("b"),))
    writer.start()
    seen, rejected = read(path)
    writer.join()
    assert (ids(seen), rejected) == (["a", "b"], [])


def test_an_array_may_have_one_call_a_line(reading: Reading) -> None:
    rows = b",\n".join(line(name).strip() for name in "abc")
    assert ids(reading(b"[" + rows + b"]\n")[0]) == ["a", "b", "c"]
    assert ids(reading(b"[\n" + rows + b"\n]\n" + line("d"))[0]) == ["a", "b", "c", "d"]


def test_short_objects_on_one_line_do_not_make_a_printed_document_into_lines(reading: Reading) -> None:
    text = b"""{
  "vendor": "elsewhere", "vendor_call_id": "a", "status": "completed",
  "turns": [
    { "role": "agent", "text": "Hello [there] {you" },
    { "role": "user", "text": "Hi" }
  ]
}
"""
    seen, rejected = reading(text + text)
    assert (ids(seen), rejected) == (["a", "a"], [])


@given(
    st.lists(
        st.tuples(st.sampled_from(["lines", "0", "1", "4", "array", "rows"]), st.integers(1, 3)), max_size=6
    )
)
@settings(max_examples=60, deadline=None)
def test_documents_in_any_form_follow_each_other_in_one_file(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("mixed") / "calls.json"
    text, expected = "", []
    for place, (form, count) in enumerate(chunks):
        calls = [call(f"{place}-{n}", metadata={"text": '] } "[{', "list": [{}, []]}) for n in range(count)]
        expected += [one["vendor_call_id"] for one in calls]
        rows = [json.dumps(one) for one in calls]
        if form == "lines":
            text += "\n".join(rows)
        elif form == "array":
            text += json.dumps(calls)
        elif form == "rows":
            text += "[\n" + ",\n".join(rows) + "\n]"
        else:
            text += "\n".join(json.dumps(one, indent=int(form)) for one in calls)
        text += "\n"
    path.write_text(text)
    seen, rejected = read(path)
    assert (ids(seen), rejected) == (expected, [])


# -- what is wrong with a line --------------------------------------------

NESTED = b"[" * 10_000 + b"]" * 10_000
NO_CALL = "not a call or an answer in the form of "

BAD_LINES = {
    "no JSON": (b"nonsense", "not JSON: invalid character"),
    "not UTF-8": (line("a\xe9").replace(b"\\u00e9", b"\xe9"), "not UTF-8"),
    "a surrogate in UTF-8": (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "a NUL byte": (b'{"a": "\x00"}', NO_CALL),
    "NUL bytes only": (b"\x00" * 100, "not JSON: invalid character"),
    "a lone high surrogate": (b'{"a": "\\ud800"}', NO_CALL),
    "NaN": (b'{"a": NaN}', NO_CALL),
    "a number beyond all numbers": (b'{"a": 1e400}', NO_CALL),
    "a cut line": (line("a")[:-9], "not JSON: input data was truncated"),
    "a cut text": (b'{"vendor_call_id": "a', "not JSON: input data was truncated"),
    "two documents": (b"{}{}", "not JSON: trailing characters"),
    "deep nesting": (NESTED, NO_CALL),
    "deep nesting that does not end": (b"[" * 10_000, "not JSON"),
    "a number": (b"5", NO_CALL),
    "a text": (b'"calls"', NO_CALL),
    "null": (b"null", NO_CALL),
    "a list of numbers": (b"[1, 2]", NO_CALL),
    "an unknown object": (b'{"hello": "world"}', NO_CALL),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_with_its_number_and_reason_and_its_neighbours_are_read(
    bad: bytes, reason: str, reading: Reading
) -> None:
    seen, (rejected,) = reading(line("before") + b"\n" + bad.strip(b"\n") + b"\n" + line("after"))
    assert ids(seen) == ["before", "after"]
    assert (rejected.file, rejected.line, rejected.item) == ("calls.jsonl", 3, None)
    assert rejected.reason.startswith(reason)


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_alone_is_named_as_well(bad: bytes, reason: str, reading: Reading) -> None:
    seen, (rejected,) = reading(bad)
    assert (seen, rejected.line) == ([], 1)
    assert rejected.reason.startswith(reason)


ODD_VALUES = {
    "half a pair": (b'"\\ud800"', "payload (characters)", "half of a surrogate pair"),
    "half a pair before text": (b'"\\uD83Dx"', "payload (characters)", "half of a surrogate pair"),
    "the second half of a pair": (b'"\\udc00"', "payload (characters)", "half of a surrogate pair"),
    "two first halves": (b'"\\ud800\\ud800"', "payload (characters)", "half of a surrogate pair"),
    "NaN": (b"NaN", "payload (numbers)", "NaN"),
    "Infinity": (b"-Infinity", "payload (numbers)", "-Infinity"),
    "deep nesting": (NESTED, "payload (depth)", f"more than {MAX_DEPTH} levels"),
    "nesting that is a little too deep": (
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        "payload (depth)",
        f"more than {MAX_DEPTH} levels",
    ),
}


@pytest.mark.parametrize(("value", "path", "found"), ODD_VALUES.values(), ids=ODD_VALUES)
def test_what_is_not_quite_json_is_put_right_and_named(
    value: bytes, path: str, found: str, reading: Reading
) -> None:
    odd = line("odd", metadata={"x": "VALUE"}).replace(b'"VALUE"', value)
    seen, rejected = reading(line("before") + odd + line("after"))
    assert (ids(seen), rejected) == (["before", "odd", "after"], [])
    sighting = seen[1].sighting
    assert sighting is not None
    assert isinstance(sighting.problems, dict)
    assert {where: one.found for where, one in sighting.problems.items()} == {path: found}
    assert sighting.status == "completed"
    assert seen[1].raw is not None, "what was put right is kept as it came"


BAD_IDS = {
    "an id with NUL": ({"vendor_call_id": "a\0b"}, "vendor_call_id: a text without the character NUL"),
    "no id": ({"vendor_call_id": " "}, "vendor_call_id: an id is required"),
    "a long id": ({"vendor_call_id": "a" * 201}, "vendor_call_id: an id has at most 200 characters"),
}
NO_NUL = "a text without the character NUL"

BAD_FIELDS = {
    "an agent with NUL": ({"agent": {"id": "\0"}}, "agent.id", NO_NUL),
    "a word with NUL": ({"vendor_words": {"status": "\0"}}, "vendor_words.status", NO_NUL),
    "a long number": ({"from_number": "é" * 1500}, "from_number", "a text of at most 2000 bytes"),
    "a canonical id that is none": ({"id": "5"}, "id", "a UUID"),
    "an unknown word": ({"status": "gone"}, "status", "one of scheduled, queued, "),
    "no time": ({"started_at": "yesterday"}, "started_at", "an ISO 8601 date-time"),
    "an impossible day": ({"started_at": "2026-02-30"}, "started_at", "an ISO 8601 date-time"),
    "an endless amount": ({"cost": {"amount": "1e999999999"}}, "cost.amount", "an amount that a call may"),
    "a tiny amount": ({"cost": {"amount": "1e-400"}}, "cost.amount", "an amount that a call may have"),
    "a negative duration": ({"duration_ms": -1}, "duration_ms", "a duration from nothing to a year"),
}


@pytest.mark.parametrize(("wrong", "path", "expected"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_an_impossible_value_is_left_out_and_named(
    wrong: dict[str, Any], path: str, expected: str, reading: Reading
) -> None:
    bad = json.dumps({**call("a", turn_count=3), **wrong}).encode() + b"\n"
    seen, rejected = reading(line("before") + bad + line("after"))
    assert (ids(seen), rejected) == (["before", "a", "after"], [])
    sighting = seen[1].sighting
    assert sighting is not None
    assert isinstance(sighting.problems, dict)
    assert list(sighting.problems) == [path]
    assert sighting.problems[path].expected.startswith(expected)
    assert sighting.turn_count == 3


@pytest.mark.parametrize(("wrong", "reason"), BAD_IDS.values(), ids=BAD_IDS)
def test_a_call_without_an_id_is_rejected_with_the_reason(
    wrong: dict[str, Any], reason: str, reading: Reading
) -> None:
    bad = json.dumps({**call("a"), **wrong}).encode() + b"\n"
    seen, (rejected,) = reading(line("before") + bad + line("after"))
    assert ids(seen) == ["before", "after"]
    assert rejected.line == 2
    assert rejected.reason.startswith(reason)


@pytest.mark.parametrize(
    ("name", "path", "field"),
    [
        ("butter", ("call_sid",), "vendor_call_id"),
        ("callem", ("callerNumber",), "from_number"),
        ("contactship", ("from",), "from_number"),
        ("zudu", ("call_id",), "vendor_call_id"),
        ("zudu", ("agent_id",), "agent.id"),
    ],
)
def test_a_nul_in_a_text_that_calls_are_looked_up_by_is_named_in_every_dialect(
    name: str, path: tuple[str, ...], field: str, reading: Reading
) -> None:
    capture = json.loads((CAPTURES[0].parents[2] / name / "captures" / "list.json").read_text())["body"]
    (item, *_) = saved_answers()[name].calls_in(capture) or [{}]
    place = item
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "a\0b"
    seen, rejected = reading(json.dumps(item).encode(), name)
    if field == "vendor_call_id":
        assert [one.reason for one in rejected] == [f"{field}: {NO_NUL}"]
        return
    assert rejected == []
    assert seen[0].sighting is not None
    assert list(seen[0].sighting.problems or ()) == [field]


def test_of_several_calls_on_one_line_the_bad_one_is_named_by_its_position(reading: Reading) -> None:
    row = json.dumps([call("a"), call("", note="b"), call("c")]).encode()
    seen, (rejected,) = reading(b"\n\n" + row)
    assert ids(seen) == ["a", "c"]
    assert (rejected.line, rejected.item) == (3, 1)
    assert json.loads(rejected.text)["note"] == "b"


def test_many_cut_lines_are_each_named_and_take_no_good_line_with_them(reading: Reading) -> None:
    cut = line("x", metadata={"list": [1, 2]})
    rows = [
        cut[: cut.index(b"2")] + b"\n",
        line("a"),
        cut[:-5] + b"\n",
        line("b"),
        cut[: cut.index(b"[") + 1],
    ]
    seen, rejected = reading(b"".join(rows))
    assert ids(seen) == ["a", "b"]
    assert [one.line for one in rejected] == [1, 3, 5]


def test_a_printed_document_that_is_cut_off_is_one_bad_line(reading: Reading) -> None:
    text = json.dumps({"next_page_token": None, "calls": [call("a"), call("b")]}, indent=2).encode()
    seen, (rejected,) = reading(text[: len(text) // 2])
    assert seen == []
    assert (rejected.line, rejected.reason) == (1, "not JSON: input data was truncated")


BROKEN = st.binary(max_size=30) | st.sampled_from([b"{", b"}", b"[", b'"', b'{"a": [1,', b"[" * 500])


@given(st.lists(BROKEN, max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_line_can_be_so_bad_that_a_good_one_is_lost(
    tmp_path_factory: pytest.TempPathFactory, bad: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("bad") / "calls.jsonl"
    bad = [text.translate(None, b"\n]") for text in bad]  # with a bracket that closes, it might be good
    rows = (text + b"\n" + line(f"good-{n}") for n, text in enumerate(bad, 1))
    path.write_bytes(b"\n" + b"".join(rows))  # other first bytes could be mistaken for gzip
    seen, rejected = read(path)
    assert ids(seen) == [f"good-{n}" for n in range(1, len(bad) + 1)]
    spoken_of = [n * 2 for n, text in enumerate(bad, 1) if text.removeprefix(b"\xef\xbb\xbf").strip()]
    assert [one.line for one in rejected] == spoken_of


# -- long lines and damaged files -----------------------------------------


def test_a_line_that_is_too_long_is_one_bad_line_and_the_next_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(line("before") + b'{"a": "')
        for _ in range(70):
            file.write(b"x" * 1024 * 1024)
        file.write(b'"}\n' + line("after") + b"bad\n")
    seen, (long, last) = read(path)
    assert ids(seen) == ["before", "after"]
    assert (long.line, long.reason) == (2, f"longer than {MAX_LINE_BYTES} bytes")
    assert len(long.text) == 1000
    assert last.line == 4


def test_a_document_over_several_lines_that_is_too_long_is_one_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "long.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{\n "data": [\n')
        for _ in range(70):
            file.write(b'  "' + b"x" * 1024 * 1024 + b'",\n')
        file.write(b"  1\n ]\n}\n" + line("after"))
    seen, (rejected,) = read(path)
    assert ids(seen) == ["after"]
    assert (rejected.line, rejected.reason) == (1, f"longer than {MAX_LINE_BYTES} bytes")


def test_a_gzip_file_that_is_cut_off_is_read_up_to_there(reading: Reading) -> None:
    packed = gzip.compress(b"".join(line(os.urandom(64).hex()) for _ in range(500)))
    seen, (rejected,) = reading(packed[: len(packed) // 2])
    assert 150 < len(seen) < 350
    assert rejected.line == len(seen) + 1
    assert rejected.reason.startswith("the file cannot be read on: ")


@pytest.mark.parametrize("where", [0.3, 0.7])
def test_a_gzip_file_that_is_damaged_in_the_middle_is_read_up_to_there(
    where: float, reading: Reading
) -> None:
    packed = bytearray(gzip.compress(b"".join(line(os.urandom(64).hex()) for _ in range(500))))
    place = int(len(packed) * where)
    packed[place : place + 40] = b"\xff" * 40
    _, rejected = reading(bytes(packed))
    assert rejected[-1].reason.startswith("the file cannot be read on: ")


# -- which dialect --------------------------------------------------------

AMBIGUOUS = (
    b'{"call_id": "a", "call_status": "ended", "call_type": "x", "agent_id": "b", "direction": "inbound"}'
)
"""What two vendors print alike."""


def test_a_call_that_two_vendors_may_have_printed_is_rejected_until_one_is_named(reading: Reading) -> None:
    seen, (rejected,) = reading(AMBIGUOUS)
    assert seen == []
    assert rejected.reason == "may be Retell or Zudu: choose with --vendor"
    seen, rejected_none = reading(AMBIGUOUS, "retell")
    assert (ids(seen), rejected_none) == (["a"], [])


def test_an_ambiguous_call_is_not_read_as_the_lines_before_it_were(reading: Reading) -> None:
    clear = json.dumps({**json.loads(AMBIGUOUS), "call_id": "b", "organization_id": "o"}).encode()
    seen, (rejected,) = reading(clear + b"\n" + AMBIGUOUS)
    assert (ids(seen), rejected.line) == (["b"], 2)


def test_a_file_of_another_dialect_than_the_named_one_is_rejected(reading: Reading) -> None:
    capture = json.loads((CAPTURES[0].parents[2] / "zudu" / "captures" / "list.json").read_text())["body"]
    seen, (rejected,) = reading(json.dumps(capture).encode(), "callem")
    assert seen == []
    assert rejected.reason == (
        "not a call or an answer in the form of Callem; it looks like Zudu (--vendor zudu)"
    )


def test_an_empty_list_of_any_dialect_holds_nothing_and_is_not_wrong(reading: Reading) -> None:
    empty: list[dict[str, Any]] = [
        {"data": [], "count": 0},
        {"success": True, "data": [], "pagination": {"next_cursor": None, "has_more": False}},
        {"calls": [], "next_page_token": None},
        {"data": [], "pagination": {"total": 0, "limit": 50, "offset": 0}},
    ]
    for answer in empty:
        assert reading(json.dumps(answer).encode()) == ([], [])


def test_several_vendors_may_be_in_one_file(reading: Reading) -> None:
    bodies = [json.loads(path.read_text())["body"] for path in CAPTURES]
    seen, rejected = reading(b"\n".join(json.dumps(body).encode() for body in bodies))
    assert rejected == []
    assert {one.sighting.vendor for one in seen if one.sighting is not None} == {
        path.parents[1].name for path in CAPTURES
    }


# -- zstd -----------------------------------------------------------------


def zstd_lines(path: Path) -> list[Entry]:
    with Source(path) as source:
        return list(source.entries())


def test_zstd_of_one_frame_or_several_is_read_like_a_plain_file(tmp_path: Path) -> None:
    lines = [b'{"id": %d, "text": "%s"}\n' % (n, b"x" * (n * 7 % 4000)) for n in range(2000)]
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(b"".join(lines))
    halves = (b"".join(lines[:777]), b"".join(lines[777:]))
    packed.write_bytes(b"".join(map(zstandard.ZstdCompressor().compress, halves)))
    assert zstd_lines(packed) == zstd_lines(plain)
    assert len(zstd_lines(packed)) == 2000


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_zstd_file_that_was_cut_off_is_not_mistaken_for_a_whole_one(kept: float, tmp_path: Path) -> None:
    lines = b"".join(
        b'{"id": "%s"}\n' % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(20_000)
    )
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(lines)
    path = tmp_path / "cut.zst"
    path.write_bytes(packed[: int(len(packed) * kept)])
    *good, last = zstd_lines(path)
    assert all(piece.problem is None for piece in good)
    assert last.problem == "the file cannot be read on: it ends in the middle of a zstd frame"


def test_what_only_begins_like_zstd_is_said_to_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "broken.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"nothing" * 50)
    (piece,) = zstd_lines(path)
    assert piece.problem is not None
    assert piece.problem.startswith("the file cannot be read on: ")
