"""Dialogues laid out in time: when each word is said, when a tool is called and when it returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from trunkline.demo.dialogues import Item
from trunkline.model.call import ToolCall, Turn, Word
from trunkline.model.words import Role


@dataclass(frozen=True)
class Spoken:
    """A turn, at its position in the sequence."""

    turn: Turn
    at_ms: int
    """When it is over."""


@dataclass(frozen=True)
class Used:
    """A tool invocation, at its position in the sequence."""

    call: ToolCall
    at_ms: int


@dataclass(frozen=True)
class Answered:
    """The result of a tool, at its position in the sequence; `call` is its invocation."""

    call: ToolCall
    result: Any
    at_ms: int


Mark = Spoken | Used | Answered
"""One position in the sequence of turns, invocations and results."""


def assemble(marks: Iterable[Mark]) -> tuple[list[Turn], list[ToolCall]]:
    """Split a sequence into turns and tool calls with their positions in it.

    A result whose invocation is not in the sequence has no position.
    """
    turns: list[Turn] = []
    calls: dict[int, ToolCall] = {}
    position = 0
    for mark in marks:
        if isinstance(mark, Spoken):
            turns.append(mark.turn)
        elif isinstance(mark, Used):
            calls[id(mark.call)] = msgspec.structs.replace(mark.call, position=position)
        elif (call := calls.get(id(mark.call))) is not None:
            call.result, call.result_position = mark.result, position
        else:
            continue
        position += 1
    return turns, list(calls.values())


def answer_delays(turns: Sequence[Turn]) -> list[int]:
    """How long the agent took to answer each time after the other side had spoken, in milliseconds."""
    return [
        after.start_ms - before.end_ms
        for before, after in pairwise(turns)
        if before.role is Role.USER
        and after.role is Role.AGENT
        and before.end_ms is not None
        and after.start_ms is not None
    ]


def lay_out(items: Sequence[Item], rng: Random, *, words: bool) -> list[Mark]:
    """Give each item its time, at the pace of people who talk on the phone."""
    marks: list[Mark] = []
    pace = {Role.AGENT: rng.uniform(0.92, 1.02), Role.USER: rng.uniform(0.82, 1.15)}
    now, last, index = rng.randint(250, 900), None, 0
    while index < len(items):
        item = items[index]
        if item.role is None:
            run = index
            while index < len(items) and items[index].role is None:
                index += 1
            now = _use_tools(items[run:index], now, rng, marks)
            continue
        if last is not None:
            now += _pause(last, item.role, rng)
        turn = _speak(item.role, item.text, now, pace[item.role], rng if words else None)
        now, last = turn.end_ms or now, item.role
        marks.append(Spoken(turn, now))
        index += 1
    return marks


def _pause(before: Role, after: Role, rng: Random) -> int:
    """The silence between two turns."""
    if before is Role.USER and after is Role.AGENT:
        return min(int(780 * rng.lognormvariate(0, 0.35)), 6000)
    return rng.randint(180, 1100)


def _use_tools(items: Sequence[Item], now: int, rng: Random, marks: list[Mark]) -> int:
    """Call one or more tools in a row, sometimes at once, and return when the last has returned."""
    at_once = len(items) > 1 and rng.random() < 0.5
    waiting: list[Answered] = []
    for item in items:
        now += rng.randint(120, 420)
        call = ToolCall(
            name=item.tool, id=f"call_{rng.getrandbits(48):012x}", arguments=item.arguments, start_ms=now
        )
        marks.append(Used(call, now))
        answered = Answered(call, item.result, now + int(340 * rng.lognormvariate(0, 0.6)))
        if at_once:
            waiting.append(answered)
            continue
        marks.append(answered)
        now = answered.at_ms
    for answered in sorted(waiting, key=lambda one: one.at_ms):
        now = max(now, answered.at_ms)
        marks.append(Answered(answered.call, answered.result, now))
    return now


def _speak(role: Role, text: str, start_ms: int, pace: float, rng: Random | None) -> Turn:
    """A turn whose words take as long as people need to say them; timed words if `rng` is given."""
    at, end, timed = float(start_ms), start_ms, []
    for word in text.split():
        start = int(at)
        at += (130 + 47 * len(word) + 240 * sum(map(str.isdigit, word))) * pace
        end = int(at)
        if rng is not None:
            timed.append(Word(word, start, end, round(1 - 0.18 * rng.random() ** 3, 3)))
        if word[-1] in ".?!":
            at += 260
        elif word[-1] in ",:;":
            at += 120
        else:
            at += 15
    turn = Turn(role, text, start_ms, end)
    if rng is not None:
        turn.words = timed
    return turn
