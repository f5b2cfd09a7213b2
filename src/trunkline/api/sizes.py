"""About how much JSON an outcome is, found out without printing it: a large one is printed in a thread."""

from __future__ import annotations

import math

from trunkline.kit.transcript import tool_calls_of, turns_of
from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.inbox import InboxContent
from trunkline.model.intents import (
    CallPage,
    ExportCalls,
    Intent,
    ListCalls,
    ListChanges,
    OneCall,
    Outcome,
    StreamCalls,
)
from trunkline.model.writes import CallChanged

_CALL_BYTES = 1500
_LONG_CALL_BYTES = 6000
_CHANGES = 100
_TURN_BYTES = 100
_ITEM_BYTES = 300
"""What a call without its conversation comes to, one with a usual conversation, a turn, and anything else."""


def json_bytes(outcome: Outcome) -> int:
    """About how many bytes of JSON an outcome is."""
    if isinstance(outcome, CallPage):
        return sum(
            [len(call.summary) if call.transcript is None else call.size_bytes for call in outcome.calls]
        )
    if isinstance(outcome, OneCall | CallChanged):
        return call_bytes(outcome.call)
    if isinstance(outcome, InboxContent):
        return 2 * len(outcome.body)
    if isinstance(outcome, ChangeBatch):
        return sum(call_bytes(change.call) for change in outcome.changes if change.call is not None)
    return 0


def expected_bytes(intent: Intent) -> float:
    """About how many bytes the answer to a question may have, before it is asked; infinite if it may be any.

    One call counts as nothing: how long it is shows when it has been read.
    """
    if isinstance(intent, ExportCalls | StreamCalls):
        return math.inf
    if isinstance(intent, ListCalls):
        return intent.window.limit * (_LONG_CALL_BYTES if intent.with_transcript else _CALL_BYTES)
    if isinstance(intent, ListChanges):
        return _CHANGES * (_LONG_CALL_BYTES if intent.with_transcript else _CALL_BYTES)
    return 0


def call_bytes(call: Call) -> int:
    """About how many bytes of JSON a call is."""
    turns = turns_of(call)
    size = _CALL_BYTES + len(turns) * _TURN_BYTES
    size += sum([len(turn.words) for turn in turns if turn.words]) * _TURN_BYTES
    if isinstance(call.transcript_text, str):
        size += len(call.transcript_text)
    return size + (len(tool_calls_of(call)) + len(call.events or ())) * _ITEM_BYTES
