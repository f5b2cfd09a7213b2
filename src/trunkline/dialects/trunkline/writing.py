"""Our calls printed by our own API: as they are, without what was not asked for."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, structs

from trunkline.dialects.trunkline.question import Include
from trunkline.kit.call_ids import uuids
from trunkline.model.call import Call

# Every call prints its canonical id here, also one that was made with this API and has a vendor's call
# id of its own. No call has an empty vendor, so no call counts as the vendor's own.
IDS = uuids("")


def to_wire(call: Call) -> Call:
    """Write a call with everything there is."""
    return call


def shown(call: Call, include: Include) -> Call:
    """The call with what is included; what is not is absent rather than empty."""
    absent: dict[str, Any] = {}
    if "turns" not in include:
        absent = dict.fromkeys(("turns", "transcript_text", "events"), UNSET)
    elif "words" not in include and call.turns:
        absent["turns"] = [structs.replace(turn, words=UNSET) for turn in call.turns]
    if "tools" not in include:
        absent["tool_calls"] = UNSET
    if all(getattr(call, name) is UNSET for name in absent):
        return call
    return structs.replace(call, **absent)
