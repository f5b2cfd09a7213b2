"""Versions: the stamps of a call's values, which say how old each of them is."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from trunkline.model.sighting import Sighting

Versions = dict[str, int]
"""Epoch milliseconds per path; `*` stands for every path that is not named.

Under `#` and the path of an object stands how many of its members are in the order in which one payload told
them, if these are not all.
"""

EVERY = "*"

CONVERSATION = ("events", "tool_calls", "transcript_text", "turns")
"""Fields of which a payload may tell more or less, depending on what it was asked for."""


def versions_of(sighting: Sighting, received_at: datetime) -> Versions:
    """The stamps of a sighting.

    What it says is as old as it says, or else as the moment it was seen. The conversation alone is as old as
    the call: of two tellings of one conversation the richer one is better, whichever was asked for last.
    """
    told = (sighting.as_of, sighting.updated_at)
    as_of = next((at for at in told if isinstance(at, datetime)), received_at)
    times = (*told, sighting.ended_at, sighting.started_at, sighting.created_at)
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
    """An instant as a stamp: epoch milliseconds."""
    return round(instant.timestamp() * 1000)
