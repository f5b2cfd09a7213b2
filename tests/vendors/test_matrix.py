"""Any call through any dialect: what came in as one vendor's payload reads correctly as every other's.

The calls are real conversations where they are at hand, and the demo's else.
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.conftest import SHARED, World
from tests.vendors.conftest import START, some_calls
from tests.vendors.walks import listed
from trunkline.kit.dialect import Dialect
from trunkline.kit.transcript import Sequence, json_text
from trunkline.model.call import Call, ToolCall, Turn, Word
from trunkline.model.ids import call_id, uuid_of
from trunkline.model.merge import first_call
from trunkline.model.words import Role
from trunkline.service.received import Received, encoded
from trunkline.vendors import dialects, saved_answers

NAMES = sorted(dialects())
_encode = msgspec.json.Encoder(decimal_format="number").encode

# What a dialect has to express differently, or words that two dialects divide differently.
NOT_COMPARED = {"id", "vendor", "vendor_call_id", "vendor_type", "vendor_words", "vendor_fields"} | {
    "verbatim",
    "derived",
    "end_reason_raw",
    "transcript_text",
    "turn_count",
}


# What a dialect says of some calls only: turn times where there are word times, the channel where there is a
# transport, a status that the reason for the end makes more precise, results where they follow at once.
SOMETIMES = {
    "contactship": {"turns.start_ms", "turns.end_ms"},
    "zudu": {"turns.start_ms", "turns.end_ms", "turns.words", "status"},
    "butter": {"channel", "direction", "tool_calls.position", "tool_calls.result_position"},
}


def conversations() -> Iterator[list[dict[str, Any]]]:
    """The turns of about ten real conversations of each file; none where the files are not at hand."""
    for path in sorted((SHARED / "data").glob("*_sample.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        yield from [record["turns"] for record in records if "turns" in record][:12]


def spoken(turns: list[dict[str, Any]]) -> Sequence:
    """A real conversation in our words."""
    sequence = Sequence()
    for raw in turns:
        if "tool_call" in raw:
            tool = raw["tool_call"]
            sequence.invocation(ToolCall(name=tool["name"], id=tool["id"], arguments=tool["arguments"]))
        elif "tool_result" in raw:
            sequence.returned(raw["tool_result"]["id"], raw["tool_result"]["result"])
        elif raw["role"] in ("agent", "user"):
            turn = Turn(Role(raw["role"]), raw["content"], raw["start_ms"], raw["end_ms"])
            if raw.get("words"):
                turn.words = [Word(w["word"], w["start"], w["end"]) for w in raw["words"]]
            sequence.turn(turn)
    return sequence


@cache
def originals(source: str) -> list[Call]:
    """Calls of one vendor with the conversations of the real files in them."""
    real = [spoken(turns) for turns in conversations()]
    calls = some_calls(source, max(60, len(real)), seed=5)
    for call, sequence in zip(calls, real, strict=False):
        call.turns, call.tool_calls = sequence.turns, sequence.tool_calls
        call.turn_count = len(sequence.turns)
        for turn in call.turns:
            if turn.words:  # as vendors have it, a turn lasts from its first word to its last
                turn.start_ms, turn.end_ms = turn.words[0].start_ms, turn.words[-1].end_ms
    for number, call in enumerate(calls):
        call.created_at = START + timedelta(minutes=number)
    return calls


@pytest.fixture(scope="module")
def sources(new_world: Callable[..., World]) -> dict[str, tuple[World, list[dict[str, Any]]]]:
    """For each vendor an org with its payloads, and the payloads."""
    found = {}
    for name in NAMES:
        world, dialect = new_world(), dialects()[name]
        payloads = [msgspec.json.decode(_encode(dialect.to_wire(call))) for call in originals(name)]
        summary = world.run(
            world.joined.intake.ingest(
                world.org, [Received(dialect.from_wire(raw), encoded(raw)) for raw in payloads], "test"
            )
        )
        assert summary.stored == len(payloads)
        found[name] = (world, payloads)
    return found


def in_full(world: World, dialect: str) -> list[dict[str, Any]]:
    """Every call of an org as one dialect's get prints it, with everything that can be included."""
    asked = {
        "contactship": "include_transcript=true&include_words=true&include_tools=true",
        "trunkline": "include=turns,words,tools",
    }.get(dialect, "")
    calls_in = saved_answers()[dialect].calls_in
    rows = listed(world, dialect, asked)
    if dialect == "butter":  # its list is a summary
        rows = [
            (calls_in(world.get(dialect, f"/api/calls/{row['call_sid']}").json()) or [None])[0]
            for row in rows
        ]
    return rows


@pytest.mark.parametrize("source", NAMES)
def test_a_call_read_back_through_its_own_dialect_is_equal_to_what_came_in(
    source: str, sources: dict[str, tuple[World, list[dict[str, Any]]]]
) -> None:
    world, payloads = sources[source]
    printed = in_full(world, source)
    newest_first = payloads[::-1]
    if source == "zudu":  # its list is ordered by start
        printed = sorted(printed, key=lambda row: row["call_id"])
        newest_first = sorted(payloads, key=lambda row: row["call_id"])
    assert len(printed) == len(payloads)
    for got, expected in zip(printed, newest_first, strict=True):
        # Two vendors name the org, which the payload of a made-up call does not.
        orgs = {name: got[name] for name in ("client_id", "organization_id") if name in expected}
        assert json.dumps(got) == json.dumps(expected | orgs)


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("source", NAMES)
def test_a_call_of_one_vendor_reads_correctly_as_another(
    source: str, target: str, sources: dict[str, tuple[World, list[dict[str, Any]]]]
) -> None:
    world, payloads = sources[source]
    reader = dialects()[source]
    lost = reader.drops | dialects()[target].drops | SOMETIMES.get(target, set())
    expected = {}
    for raw in payloads:
        sighting = reader.from_wire(raw)
        wanted = sighting.id if sighting.id is not UNSET else call_id(source, sighting.vendor_call_id)
        call, _ = first_call(sighting, wanted, START)
        expected[dialects()[target].ids.printed(call)] = call
    printed = in_full(world, target)
    assert len(printed) == len(expected)
    for row in printed:
        msgspec.convert(row, dialects()[target].wire, strict=True)
        sighting = dialects()[target].from_wire(row)
        keys = (sighting.vendor_call_id, str(sighting.id))
        original = next(expected[key] for key in keys if key in expected)
        got, _ = first_call(sighting, str(uuid.uuid4()), START)
        got_comparable = comparable(got, lost, original)
        as_reported = comparable(original, lost, original)
        as_folded = comparable(folded(original, dialects()[target]), lost, original)
        for name in as_reported:
            found = part_of(got_comparable.get(name), as_reported[name])
            assert found in (as_reported[name], as_folded.get(name)), name


def part_of(got: Any, wanted: Any) -> Any:
    """Of an object only the members that the original has: a dialect may have to print more."""
    return {k: got.get(k) for k in wanted} if isinstance(got, dict) and isinstance(wanted, dict) else got


def folded(original: Call, target: Dialect) -> Call:
    """A call in the words that are left of ours after a dialect has expressed it."""
    call: Call = msgspec.convert(msgspec.to_builtins(original), Call)
    for vocabulary in target.vocabularies:
        holder: Any = call.analysis if vocabulary.field == "sentiment" else call
        value = holder and getattr(holder, vocabulary.field)
        written = vocabulary.write(value)
        if written is not None:
            setattr(holder, vocabulary.field, vocabulary.read(written))
    return call


def comparable(call: Call, lost: frozenset[str], original: Call) -> dict[str, Any]:
    """A call without what either side cannot express and what was only derived."""
    raw: dict[str, Any] = msgspec.json.decode(_encode(call))
    skipped = lost | NOT_COMPARED | frozenset(original.derived or ())
    kept: dict[str, Any] = {}
    for name in raw.keys() - skipped:
        value = raw[name]
        if isinstance(value, dict):
            value = without(value, name, skipped)
        if name in ("turns", "tool_calls"):
            value = [without(part, name, skipped) for part in value]
        if "turns.words.confidence" in skipped and name == "turns":
            words = [word for turn in value for word in turn.get("words", ())]
            for word in words:
                word.pop("confidence", None)
        if value not in (None, {}, [], "unknown"):
            kept[name] = value
    return kept


def without(part: dict[str, Any], name: str, skipped: frozenset[str]) -> dict[str, Any]:
    """A part of a call in a form that is the same whether ids are UUIDs and arguments are texts or not."""
    kept = {
        key: value
        for key, value in part.items()
        if f"{name}.{key}" not in skipped and value not in (None, [], {}, "null", "{}")
    }
    if name in ("agent", "campaign", "contact") and "id" in kept:
        kept["id"] = uuid_of(kept["id"])
    return {key: json_text(value) if key in ("arguments", "result") else value for key, value in kept.items()}
