"""Versions: for each value of a call the time at which it was stated."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from trunkline.model.sighting import Sighting

Versions = dict[str, int]
"""Epoch milliseconds per path; `*` is the default for every path that is not listed.

`#` and the path of an object: how many of its members are in the order in which one payload had them, if not
all.
"""

EVERY = "*"

CONVERSATION = ("events", "tool_calls", "transcript_text", "turns")
"""Fields of which a payload may have more or less, depending on the request for it."""


def versions_of(sighting: Sighting, received_at: datetime) -> Versions:
    """The versions of a sighting.

    Its values have the time that it states, or else its arrival. Only the transcript has the time of the
    call: of two versions of one transcript the richer one is better, whichever was requested last.
    """
    stated = (sighting.as_of, sighting.updated_at)
    as_of = next((at for at in stated if isinstance(at, datetime)), received_at)
    times = (*stated, sighting.ended_at, sighting.started_at, sighting.created_at)
    talked_at = next((at for at in times if isinstance(at, datetime)), received_at)
    stamps = {EVERY: milliseconds(as_of)}
    if talked_at != as_of:
        stamps |= {
            name: milliseconds(talked_at) for name in CONVERSATION if getattr(sighting, name) is not UNSET
        }
    if sighting.as_of_by_path is not UNSET:
        stamps |= {path: milliseconds(at) for path, at in sighting.as_of_by_path.items()}
    return stamps


def milliseconds(instant: datetime) -> int:
    """An instant as epoch milliseconds."""
    return round(instant.timestamp() * 1000)
