"""Conversations for load: real ones where their files are at hand, else the demo's own.

Each is cut at four lengths and written as JSON once, so that a call only copies bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar, cast

import msgspec

from trunkline.demo.agents import PERSONAS
from trunkline.demo.dialogues import load_templates
from trunkline.demo.people import draw_people, pick_person
from trunkline.demo.slots import draw_slots
from trunkline.demo.talk import Answered, Mark, Spoken, Used, assemble, lay_out
from trunkline.model.call import ToolCall, Turn, Word
from trunkline.model.words import Role

WordTimes = Literal["source", "all", "none"]
"""Where word times come from: the source's own, on every turn, or nowhere."""

SOURCES = {
    "getgoing": (0.22, "Transit line"),
    "harper_valley": (0.16, "Bank desk"),
    "star": (0.28, "Front desk"),
    "primock57": (0.06, "Clinic intake"),
    "tau_bench": (0.10, "Airline support"),
    "tooltalk": (0.05, "Assistant"),
    "taskmaster4": (0.10, "Coffee orders"),
    "vendor_calls": (0.03, "Claims and cards"),
}
"""By the beginning of a file's name, the share of agents that talk like it and what they are called."""

FILLED_AT = datetime(2026, 6, 30, tzinfo=UTC)
"""The day that the demo's dialogues speak from."""

T = TypeVar("T")


def encoded(value: T) -> T:
    """Represents a value by its JSON, which the encoder copies as it is."""
    return cast(T, msgspec.Raw(msgspec.json.encode(value)))


class SourceWord(msgspec.Struct):
    """One timed word of a source file."""

    word: str
    start: int
    end: int
    confidence: float | None = None


class SourceCall(msgspec.Struct):
    """A tool invocation of a source file."""

    name: str | None = None
    id: str | None = None
    arguments: Any = None


class SourceResult(msgspec.Struct):
    """What a tool gave back, in a source file."""

    name: str | None = None
    id: str | None = None
    result: Any = None
    error: Any = None


class SourceTurn(msgspec.Struct):
    """One line of a conversation in a source file."""

    role: Literal["agent", "user", "tool"]
    content: str
    start_ms: int | None = None
    end_ms: int | None = None
    words: list[SourceWord] | None = None
    tool_call: SourceCall | None = None
    tool_result: SourceResult | None = None


class SourceTalk(msgspec.Struct):
    """One conversation of a source file."""

    source: str
    source_id: str
    turns: list[SourceTurn]


@dataclass(frozen=True)
class Cut:
    """The beginning of a conversation, ready to be copied into a call."""

    turns: list[Turn]
    tool_calls: list[ToolCall]
    turn_count: int
    answers: int
    """How often the agent answered the other side."""
    agent_letters: int
    end_ms: int


@dataclass(frozen=True)
class Talk:
    """One conversation at its four lengths: nothing, the agent's greeting, half, whole."""

    cuts: tuple[Cut, Cut, Cut, Cut]
    summary: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Pool:
    """The conversations of one kind of agent, and how common that kind is."""

    name: str
    share: float
    talks: Sequence[Talk]


def load_pools(folder: Path, words: WordTimes) -> list[Pool]:
    """Read the conversations under a folder; the demo's own if there are none."""
    pools = []
    for stem, (share, name) in SOURCES.items():
        talks = [talk for path in sorted(folder.glob(f"{stem}_*.jsonl.gz")) for talk in _read(path, words)]
        if talks:
            pools.append(Pool(name, share, talks))
    return pools or _demo_pools(words)


def _read(path: Path, words: WordTimes) -> Iterator[Talk]:
    decoder = msgspec.json.Decoder(SourceTalk)
    with gzip.open(path, "rb") as lines:
        for line in lines:
            source = decoder.decode(line)
            talk = make_talk(
                _marks(source.turns, words), {"source": source.source, "source_id": source.source_id}
            )
            if talk.cuts[3].turn_count > 1:
                yield talk


def _demo_pools(words: WordTimes) -> list[Pool]:
    """The demo's dialogues, each filled in several ways."""
    rng = Random("bench")
    people = draw_people(rng)
    talks: dict[str, list[Talk]] = {}
    for template in load_templates():
        if template.is_voicemail:
            continue
        for _ in range(4):
            person = pick_person(rng, people[template.open.language])
            persona = PERSONAS[template.open.agent]
            dialogue = template.fill(draw_slots(rng, person, persona, FILLED_AT))
            marks = lay_out(dialogue.items, rng, words=words == "all")
            talk = make_talk(marks, {"source": "demo", "source_id": template.name})
            talks.setdefault(dialogue.agent, []).append(talk)
    return [Pool(name, 1 / len(talks), found) for name, found in sorted(talks.items())]


def make_talk(marks: Sequence[Mark], metadata: dict[str, Any]) -> Talk:
    """Cut a conversation at its four lengths and write each as JSON."""
    greeting = next(
        (
            at
            for at, mark in enumerate(marks, 1)
            if isinstance(mark, Spoken) and mark.turn.role is Role.AGENT and mark.turn.text
        ),
        0,
    )
    nothing, short, half, whole = (
        _cut(marks[:length]) for length in (0, greeting, (len(marks) + 1) // 2, len(marks))
    )
    texts = (mark.turn.text for mark in marks if isinstance(mark, Spoken) and mark.turn.role is Role.USER)
    summary = next((text for text in texts if len(text) > 12), "")[:180]
    return Talk((nothing, short, half, whole), summary, encoded(metadata))


def _cut(marks: Sequence[Mark]) -> Cut:
    turns, tool_calls = assemble(marks)
    return Cut(
        encoded(turns),
        encoded(tool_calls),
        len(turns),
        sum(a.role is Role.USER and b.role is Role.AGENT for a, b in pairwise(turns)),
        sum(len(turn.text) for turn in turns if turn.role is Role.AGENT),
        max((mark.at_ms for mark in marks), default=0),
    )


def _marks(turns: Sequence[SourceTurn], words: WordTimes) -> list[Mark]:
    """A source's lines as a sequence with a time for everything.

    The source's own times are used where every spoken turn has one, else a steady pace is assumed.
    """
    spoken = [turn for turn in turns if turn.content]
    own = bool(spoken) and all(turn.end_ms is not None for turn in spoken)
    marks: list[Mark] = []
    waiting: list[ToolCall] = []
    now = 400
    for turn in turns:
        start, now, following = _timed(turn, now, own)
        if turn.tool_call is not None:
            call = ToolCall(turn.tool_call.name, turn.tool_call.id, turn.tool_call.arguments, start_ms=start)
            waiting.append(call)
            marks.append(Used(call, start))
        elif turn.tool_result is not None:
            # A few sources have results without an invocation: those are left out.
            if (answered := _call_of(waiting, turn.tool_result)) is not None:
                marks.append(Answered(answered, _given_back(turn.tool_result), now))
        elif turn.role != "tool":
            role = Role.AGENT if turn.role == "agent" else Role.USER
            marked = Turn(role, turn.content, start, now)
            if timed := _words(turn, start, now, words):
                marked.words = timed
            marks.append(Spoken(marked, now))
        now = following
    return marks


def _timed(turn: SourceTurn, now: int, own: bool) -> tuple[int, int, int]:
    """When a line begins and ends, and when the next may begin."""
    if own:
        start = now if turn.start_ms is None else turn.start_ms
        end = start if turn.end_ms is None else turn.end_ms
        return start, end, end
    if count := len(turn.content.split()):
        return now, now + 380 * count, now + 380 * count + 700
    return now, now + 250, now + 350


def _call_of(waiting: list[ToolCall], result: SourceResult) -> ToolCall | None:
    """Remove the invocation that a result answers from the waiting list: by id, else by name."""
    for call in waiting:
        if call.id == result.id if result.id is not None else call.name == result.name:
            waiting.remove(call)
            return call
    return None


def _given_back(result: SourceResult) -> Any:
    if result.result is None and result.error is not None:
        return {"error": result.error}
    return result.result


def _words(turn: SourceTurn, start: int, end: int, words: WordTimes) -> list[Word]:
    if words == "none":
        return []
    if turn.words:
        return [Word(word.word, word.start, word.end, word.confidence) for word in turn.words]
    parts = turn.content.split()
    if words == "source" or not parts:
        return []
    step = (end - start) / len(parts)
    return [
        Word(part, round(start + at * step), round(start + (at + 1) * step)) for at, part in enumerate(parts)
    ]
