"""The shape of a call desk's load: over the day, the week and the year, and how calls come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trunkline.model.words import EndReason, Result, Status

Numbers = NDArray[np.float64]

_MORNING = (0.5, 0.3, 0.2, 0.2, 0.3, 0.6, 1.2, 2.6, 5.2, 8.0, 9.0, 8.6)
_EVENING = (6.8, 7.2, 8.4, 8.2, 7.4, 6.4, 5.2, 4.2, 3.2, 2.2, 1.4, 0.9)
_HOURS = np.array((*_MORNING, *_EVENING))
HOUR: Numbers = _HOURS / _HOURS.sum()
"""The share of a day's calls in each local hour."""

_WEEKDAYS = np.array([1.15, 1.12, 1.06, 1.04, 1.0, 0.46, 0.33])
_HOLIDAYS = frozenset({"12-25", "01-01", "07-04"})

NOTHING, GREETING, HALF, WHOLE = range(4)
"""How much of a conversation a call has."""


@dataclass(frozen=True)
class Ending:
    """One way for a call to come out, with its share of outbound and of inbound calls."""

    status: Status
    result: Result | None
    outbound: float
    inbound: float
    cut: int
    reasons: tuple[tuple[str, EndReason], ...]
    """The words the vendor has for why it ended, the most common first, and ours."""


ENDED = (
    Ending(
        Status.COMPLETED,
        Result.ANSWERED,
        0.457,
        0.898,
        WHOLE,
        (
            ("user_hangup", EndReason.USER_HANGUP),
            ("agent_hangup", EndReason.AGENT_HANGUP),
            ("tool_end_call", EndReason.AGENT_HANGUP),
            ("call_transfer", EndReason.TRANSFER),
        ),
    ),
    Ending(
        Status.NO_ANSWER, Result.NO_ANSWER, 0.215, 0.012, NOTHING, (("dial_no_answer", EndReason.NO_ANSWER),)
    ),
    Ending(
        Status.VOICEMAIL,
        Result.VOICEMAIL,
        0.130,
        0.0,
        GREETING,
        (("voicemail_reached", EndReason.VOICEMAIL),),
    ),
    Ending(
        Status.VOICEMAIL, Result.VOICEMAIL, 0.045, 0.0, GREETING, (("machine_detected", EndReason.VOICEMAIL),)
    ),
    Ending(Status.BUSY, Result.BUSY, 0.048, 0.004, NOTHING, (("dial_busy", EndReason.BUSY),)),
    Ending(
        Status.FAILED,
        Result.FAILED,
        0.055,
        0.024,
        NOTHING,
        (
            ("dial_failed", EndReason.ERROR),
            ("invalid_destination", EndReason.ERROR),
            ("error_telephony", EndReason.ERROR),
        ),
    ),
    Ending(Status.CANCELED, None, 0.005, 0.002, NOTHING, (("canceled", EndReason.CANCELED),)),
    Ending(
        Status.INCOMPLETE,
        Result.ANSWERED,
        0.045,
        0.060,
        HALF,
        (
            ("user_hangup", EndReason.USER_HANGUP),
            ("inactivity", EndReason.INACTIVITY),
            ("error_llm", EndReason.ERROR),
        ),
    ),
)
"""How calls come out once they are over."""

LIVE = (
    Ending(Status.IN_PROGRESS, None, 0, 0, HALF, ()),
    Ending(Status.RINGING, None, 0, 0, NOTHING, ()),
    Ending(Status.QUEUED, None, 0, 0, NOTHING, ()),
    Ending(Status.SCHEDULED, None, 0, 0, NOTHING, ()),
)
"""What the newest calls are up to; the last of these is for outbound calls only."""


def day_weights(days: int, first: datetime) -> Numbers:
    """The share of the calls that fall on each day: weeks, seasons, holidays, and slow growth."""
    day = np.arange(days)
    year = np.sin(2 * np.pi * (day + first.timetuple().tm_yday) / 365.25)
    weights = _WEEKDAYS[(first.weekday() + day) % 7] * (1 + 0.9 * day / days) * (1 + 0.12 * year)
    dates = ((first + timedelta(days=ahead)).strftime("%m-%d") for ahead in range(days))
    weights *= np.array([0.3 if date in _HOLIDAYS else 1.0 for date in dates])
    shares: Numbers = weights / weights.sum()
    return shares
