"""Losses: what each dialect cannot express of a call, found by writing a full call and reading it back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec
from msgspec import UNSET, Struct, structs

from trunkline.kit.dialect import Dialect
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
    Word,
)
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status

ELSEWHERE = "elsewhere"
"""A vendor without a dialect, so that no dialect can use what it stores for its own calls."""

NOT_COMPARED = frozenset(
    {"id", "vendor", "vendor_call_id", "vendor_words", "vendor_fields", "verbatim", "derived"}
)
"""Fields that name the call, or that store one vendor's own words for that vendor."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def full_call(vendor: str = ELSEWHERE) -> Call:
    """Make a call in which every field has a value that no other field could produce."""
    begin = datetime(2026, 3, 2, 9, 30, 4, 250_000, UTC)
    return Call(
        id=call_id(vendor, "elsewhere-4711"),
        vendor=vendor,
        vendor_call_id="elsewhere-4711",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        direction=Direction.OUTBOUND,
        channel=Channel.PHONE,
        vendor_type="reminder",
        from_number="+12025550143",
        to_number="+14155550188",
        status=Status.COMPLETED,
        result=Result.ANSWERED,
        end_reason=EndReason.USER_HANGUP,
        end_reason_raw="callee_hung_up",
        created_at=begin - timedelta(seconds=9),
        updated_at=begin + timedelta(seconds=71),
        scheduled_at=begin - timedelta(hours=18, seconds=5),
        started_at=begin,
        ended_at=begin + timedelta(seconds=48, milliseconds=900),
        duration_ms=47_500,
        agent=Agent(
            id="0b7d6c1e-52a4-4f0e-9a51-6f2f0a4d7e11",
            name="Front desk",
            config={"voice": "alto", "version": 3},
        ),
        campaign=Campaign(id="5e2f9a80-1d3b-4c6f-8a72-90b1c2d3e4f5", name="March reminders"),
        contact=Contact(
            id="c3a1f6d2-7b84-4e95-a0c6-12d3e4f5a6b7",
            full_name="Grace Alden",
            phone_number="+14155550199",
            email="grace.alden@example.com",
            country="US",
        ),
        turns=[
            _turn(Role.AGENT, "Good morning, this is the clinic.", 600),
            _turn(Role.USER, "Could we move my appointment?", 3_200),
            _turn(Role.AGENT, "Thursday at ten is free.", 9_700),
            _turn(Role.USER, "Perfect, thank you.", 12_400),
        ],
        tool_calls=[
            ToolCall(
                name="find_slot",
                id="tool-1",
                arguments={"day": "thursday"},
                result={"free": ["10:00"]},
                position=2,
                result_position=3,
                start_ms=5_300,
            ),
            ToolCall(
                name="book_slot",
                id="tool-2",
                arguments={"day": "thursday", "at": "10:00"},
                result={"booked": True},
                position=6,
                result_position=7,
                start_ms=14_100,
            ),
        ],
        transcript_text="Clinic: Good morning. Grace: Could we move my appointment?",
        analysis=Analysis(
            summary="Moved the appointment to Thursday at ten.",
            sentiment=Sentiment.POSITIVE,
            success=True,
            voicemail=False,
            engaged=True,
            custom={"new_day": "thursday"},
            evaluations=[{"key": "polite", "result": "success", "score": 0.9}],
        ),
        cost=Cost(
            amount=Decimal("0.0725"),
            unit="USD",
            items=[{"product": "speech", "cost": 0.05}, {"product": "line", "cost": 0.0225}],
        ),
        billing_status="billed",
        latency={"e2e": {"p50": 810, "p90": 1240}},
        usage={"input_tokens": 2140, "output_tokens": 188},
        errors={"transcriber": "reconnected once"},
        turn_count=6,
        recording=Recording(enabled=True, url="https://recordings.example.com/4711.wav"),
        log_url="https://logs.example.com/4711.txt",
        privacy=Privacy(opt_out=True),
        telephony=Telephony(sid="CA4711", conference_sid="CF4711", transport="sip"),
        metadata={"patient": "P-88", "priority": 2},
        events=[{"type": "call_started", "at_ms": 0}, {"type": "call_ended", "at_ms": 47_500}],
    )


def _turn(role: Role, text: str, start_ms: int) -> Turn:
    words = [
        Word(word=word, start_ms=start_ms + 300 * index, end_ms=start_ms + 300 * index + 240, confidence=0.98)
        for index, word in enumerate(text.split())
    ]
    # A turn begins before its first word and ends after its last: with only the words printed, that is lost.
    return Turn(role=role, text=text, start_ms=start_ms - 40, end_ms=start_ms + 300 * len(words), words=words)


# -- finding --------------------------------------------------------------


def lost_paths(dialect: Dialect) -> frozenset[str]:
    """Find the fields of ours that a foreign call does not bring back from this dialect.

    A path includes everything under it. A value that was not printed and only follows from others when it is
    read back, such as the number of turns, is lost.
    """
    call = full_call()
    # Another full call is written, so that a dialect which changes what it is given is found out.
    wire = msgspec.json.decode(_encode(dialect.to_wire(full_call())))
    back, _ = first_call(dialect.from_wire(wire), call.id, datetime(2026, 1, 1, tzinfo=UTC))
    derived = frozenset(back.derived or ())
    return frozenset(
        path
        for name in _compared(call)
        for path in ([name] if name in derived else _lost(name, getattr(call, name), getattr(back, name)))
    )


def _compared(call: Call) -> list[str]:
    return [field.name for field in structs.fields(call) if field.name not in NOT_COMPARED]


def _lost(path: str, original: Any, back: Any) -> list[str]:
    if _is_records(original):
        if not _is_records(back) or len(original) != len(back):
            return [path]
        pairs = zip(original, back, strict=True)
        return list(dict.fromkeys(chain.from_iterable(_lost(path, one, other) for one, other in pairs)))
    if isinstance(original, Struct):
        if not isinstance(back, Struct):
            return [path]
        # What a full call leaves unset is ours alone, and no vendor can lose it.
        names = [
            field.name for field in structs.fields(original) if getattr(original, field.name) is not UNSET
        ]
        by_name = {
            name: _lost(f"{path}.{name}", getattr(original, name), getattr(back, name)) for name in names
        }
        if all(lost == [f"{path}.{name}"] for name, lost in by_name.items()):
            return [path]
        return list(chain.from_iterable(by_name.values()))
    return [] if _is_still_there(original, back) else [path]


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Struct)


def _is_still_there(original: Any, back: Any) -> bool:
    if isinstance(original, dict) and isinstance(back, str):
        return _is_json_of(back, original)  # vendors print a tool's arguments and results as text
    if isinstance(original, dict) and isinstance(back, dict):
        return original.items() <= back.items()  # other fields may ride along
    return bool(original == back)


def _is_json_of(text: str, value: Any) -> bool:
    try:
        return bool(json.loads(text) == value)
    except ValueError:
        return False


# -- the table --------------------------------------------------------------


def loss_table(dialects: Iterable[Dialect]) -> str:
    """Write as Markdown which fields each dialect carries, and which words it merges."""
    columns = [(dialect, lost_paths(dialect)) for dialect in dialects]
    header = ["field", *(dialect.title for dialect, _ in columns)]
    call = full_call()
    paths = chain.from_iterable(_rows(name, getattr(call, name)) for name in _compared(call))
    lines = [
        _row(header),
        _row(["---", *(":-:" for _ in columns)]),
        *(_row([f"`{p}`", *("–" if _is_lost(p, lost) else "✓" for _, lost in columns)]) for p in paths),
        *chain.from_iterable(_section(dialect) for dialect, _ in columns),
    ]
    return "\n".join(lines) + "\n"


def _rows(path: str, original: Any) -> Iterator[str]:
    record = original[0] if _is_records(original) else original
    if isinstance(record, Struct):
        for field in structs.fields(record):
            yield from _rows(f"{path}.{field.name}", getattr(record, field.name))
    elif record is not UNSET:
        yield path


def _is_lost(path: str, lost: frozenset[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:length]) in lost for length in range(1, len(parts) + 1))


def _section(dialect: Dialect) -> Iterator[str]:
    merged = [
        _row([f"`{vocabulary.field}`", f"`{ours}`", "no word there" if back is None else f"`{back}`"])
        for vocabulary in dialect.vocabularies
        for ours, back in vocabulary.losses().items()
    ]
    yield from ("", f"## {dialect.title}", "")
    if merged:
        yield from (_row(["field", "our word", "comes back as"]), _row(["---", "---", "---"]), *merged)
    else:
        yield "Every word of ours comes back as itself."
    if dialect.notes:
        yield from ("", *(f"- {note}" for note in dialect.notes))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
