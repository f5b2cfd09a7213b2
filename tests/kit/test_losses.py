from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Struct, structs

from trunkline.kit.dialect import Dialect
from trunkline.kit.losses import NOT_COMPARED, full_call, loss_table, lost_paths
from trunkline.model.call import Call
from trunkline.model.sighting import Sighting
from trunkline.vendors import dialects

ALL = [pytest.param(dialect, id=name) for name, dialect in dialects().items()]


def empty_paths(value: Any, path: str = "") -> list[str]:
    if value is None or value is UNSET or value in ("", [], {}):
        return [path]
    if isinstance(value, Struct):
        names = [field.name for field in structs.fields(value) if field.name not in NOT_COMPARED or path]
        return [empty for name in names for empty in empty_paths(getattr(value, name), f"{path}.{name}")]
    if isinstance(value, list):
        return [empty for item in value for empty in empty_paths(item, f"{path}[]")]
    return []


def test_a_full_call_leaves_nothing_empty() -> None:
    # Whether we store a recording ourselves is not reported by a vendor.
    assert empty_paths(full_call()) == [".recording.stored", ".recording.original_url"]


def test_a_full_call_carries_nothing_that_only_its_own_vendor_would_print() -> None:
    call = full_call()
    assert (call.vendor_words, call.vendor_fields, call.verbatim, call.derived) == (None, None, None, None)


def test_two_full_calls_are_equal_and_share_nothing() -> None:
    one, other = full_call(), full_call()
    assert one == other
    assert one.turns is not other.turns


def through(change: Any) -> Dialect:
    """A dialect that prints our own record as it is, but for a change."""

    def to_wire(call: Call) -> Call:
        change(call)
        return call

    def from_wire(raw: Any) -> Sighting:
        return msgspec.convert(raw, Sighting, strict=False)

    return structs.replace(next(iter(dialects().values())), to_wire=to_wire, from_wire=from_wire, wire=Call)


def nothing(_: Call) -> None:
    return None


def one_number(call: Call) -> None:
    call.to_number = None


def all_of_the_recording(call: Call) -> None:
    assert call.recording is not None
    call.recording.url = call.recording.enabled = None


def part_of_the_agent(call: Call) -> None:
    assert call.agent is not None
    call.agent.name = "somebody else"


def the_words(call: Call) -> None:
    for turn in call.turns or ():
        turn.words = UNSET


def how_sure_each_word_was(call: Call) -> None:
    for turn in call.turns or ():
        for word in turn.words or ():
            word.confidence = None


def the_last_turn(call: Call) -> None:
    assert call.turns
    call.turns.pop()


def the_conversation(call: Call) -> None:
    call.turns = call.tool_calls = UNSET


def a_metadata_value(call: Call) -> None:
    call.metadata = {"patient": "P-88"}


def more_metadata(call: Call) -> None:
    call.metadata = {**(call.metadata or {}), "campaign": "March"}


def a_tool_as_text(call: Call) -> None:
    for tool in call.tool_calls or ():
        tool.arguments = msgspec.json.encode(tool.arguments).decode()


def a_tool_as_words(call: Call) -> None:
    for tool in call.tool_calls or ():
        tool.arguments = "thursday"


def a_guessed_result(call: Call) -> None:
    call.derived = ["result"]


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (nothing, set()),
        (one_number, {"to_number"}),
        (all_of_the_recording, {"recording"}),
        (part_of_the_agent, {"agent.name"}),
        (the_words, {"turns.words"}),
        (how_sure_each_word_was, {"turns.words.confidence"}),
        (the_last_turn, {"turns"}),
        (the_conversation, {"turns", "tool_calls"}),
        (a_metadata_value, {"metadata"}),
        (more_metadata, set()),
        (a_tool_as_text, set()),
        (a_tool_as_words, {"tool_calls.arguments"}),
        (a_guessed_result, {"result"}),
    ],
)
def test_what_does_not_come_back_is_lost(change: Any, lost: set[str]) -> None:
    assert lost_paths(through(change)) == lost


def test_the_table_has_a_row_for_every_field_and_a_column_for_every_dialect() -> None:
    named = list(dialects().values())
    header, _, *rest = loss_table(named).split("\n")
    rows = rest[: rest.index("")]
    fields = [row.split("|")[1].strip().strip("`") for row in rows]
    assert header.split("|")[2:-1] == [f" {dialect.title} " for dialect in named]
    for expected in ("to_number", "agent.name", "turns.words.start_ms", "tool_calls.name", "cost.items"):
        assert expected in fields
    assert len(set(fields)) == len(fields)
    assert {field.partition(".")[0] for field in fields} == {
        field.name for field in structs.fields(Call) if field.name not in NOT_COMPARED
    }


def test_the_table_marks_what_is_dropped() -> None:
    dialect = through(the_conversation)
    table = loss_table([dialect])
    assert "| `turns.text` | – |" in table
    assert "| `to_number` | ✓ |" in table


def test_the_table_states_the_words_that_come_back_as_others_and_the_notes() -> None:
    for dialect in dialects().values():
        table = loss_table([structs.replace(dialect, notes=("A note.",))])
        for vocabulary in dialect.vocabularies:
            for ours, back in vocabulary.losses().items():
                shown = "no word there" if back is None else f"`{back}`"
                assert f"| `{vocabulary.field}` | `{ours}` | {shown} |" in table
        assert "- A note." in table
