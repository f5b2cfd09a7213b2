"""The record of a live call: the state without events, its base, is stored apart from that of its events.

The call is the merge of both. Since the base has nothing from events, their values never have to be removed
from a call again, and it makes no difference which of the two came first.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, structs

from trunkline.model.call import Call
from trunkline.model.live_slots import LiveSummary, summarized
from trunkline.model.merge import merged
from trunkline.model.sighting import Sighting
from trunkline.model.versions import EVERY, Versions, versions_of
from trunkline.model.words import Role

CONVERSATION = ("turns", "tool_calls")
"""The fields of a call that grow with its events."""


class LiveRecord(Struct, omit_defaults=True, rename={"versions": "stamps", "stated": "says"}):
    """The stored state of a live call besides its base, which is the call without its events."""

    summary: LiveSummary
    versions: Versions
    """The versions of the base."""
    stated: dict[str, int] = {}
    """Which transcript fields the base states: 2 for a value, 1 for an empty list."""
    held: list[str] = []
    """Which of them the events decide."""
    base_user_spoke: bool = False
    """Whether the user speaks in the base."""

    @property
    def user_spoke(self) -> bool:
        """Whether the user speaks in the call, whose transcript is stored separately."""
        return self.summary.user_turns > 0 if "turns" in self.held else self.base_user_spoke


def recorded(
    summary: LiveSummary, base: Call, versions: Versions, call: Call, events: Sighting
) -> LiveRecord:
    """The record of a live call, from its base and its events with their whole transcript.

    `call` is the merge of both.
    """
    stated = {name: 2 if value else 1 for name in CONVERSATION if (value := getattr(base, name)) is not UNSET}
    spoke = base.turns is not UNSET and any(turn.role is Role.USER for turn in base.turns)
    record = LiveRecord(summary, versions, stated, base_user_spoke=spoke)
    held = _held(base, record, events)
    if held is None:
        held = [
            name
            for name in CONVERSATION
            if getattr(events, name) is not UNSET and getattr(events, name) == getattr(call, name)
        ]
    return structs.replace(record, held=held)


def combined(base: Call, versions: Versions, events: Sighting) -> tuple[Call, Versions]:
    """The call that a base and its events make."""
    if events.as_of is UNSET:
        return base, versions
    # Without a start, the time of creation that follows from events is a guess: the base's is better.
    return merged(base, versions, events, base.created_at)


def without_conversation(call: Call) -> Call:
    """A call without its transcript, which is stored separately; the count of its turns stays."""
    return structs.replace(call, turns=UNSET, tool_calls=UNSET, transcript_text=UNSET, events=UNSET)


def advanced(base: Call, record: LiveRecord) -> tuple[Call, Versions] | None:
    """The call that a base and its events make, without its transcript, which need not be read for that.

    `None` if the result depends on the transcript, or if the transcript fields are decided differently now.
    """
    events = summarized(base.vendor, base.vendor_call_id, record.summary)
    if _held(base, record, events) != record.held:
        return None
    call, versions = combined(base, record.versions, events)
    is_counted = call.turn_count is None or "turn_count" in (call.derived or ())
    if "turns" in record.held and is_counted:
        derived = sorted({*(call.derived or ()), "turn_count"})
        call = structs.replace(call, turn_count=record.summary.turns, derived=derived)
    return call, versions


def _held(base: Call, record: LiveRecord, events: Sighting) -> list[str] | None:
    """Which transcript fields the events decide; `None` if that depends on the transcript itself."""
    versions = versions_of(events, base.created_at)
    held = []
    for name in CONVERSATION:
        if not getattr(record.summary, name):
            continue
        weight = 0 if name in (base.derived or ()) else record.stated.get(name, 0)
        order = record.versions.get(name, record.versions[EVERY])
        if weight == 2 and order == versions[name]:
            return None  # what is richer decides
        if weight < 2 or order < versions[name]:
            held.append(name)
    return held
