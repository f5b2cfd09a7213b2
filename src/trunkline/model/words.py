"""The closed lists of our words, each ending in a catch-all where a vendor may say more."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a call stands, from planned to over."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"
    """The call ended in the middle, or its vendor used a word for its state that nobody documented."""

    @property
    def is_final(self) -> bool:
        """Whether the call is over and its status can no longer go back to a live one."""
        return self not in LIVE


LIVE = frozenset({Status.SCHEDULED, Status.QUEUED, Status.RINGING, Status.IN_PROGRESS})


class Result(StrEnum):
    """How an ended call came out; a call that is not over, or not decidable, has none."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a call ended, in the words that vendors share."""

    USER_HANGUP = "user_hangup"
    AGENT_HANGUP = "agent_hangup"
    TRANSFER = "transfer"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    MAX_DURATION = "max_duration"
    INACTIVITY = "inactivity"
    CANCELED = "canceled"
    ERROR = "error"
    OTHER = "other"
    """A reason outside this list; the vendor's own word is in `end_reason_raw`."""


class Direction(StrEnum):
    """Who called whom, seen from the agent's side."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """What the call travelled over."""

    PHONE = "phone"
    WEB = "web"
    TEST = "test"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Who speaks in a turn."""

    AGENT = "agent"
    USER = "user"


class Sentiment(StrEnum):
    """The caller's mood as the vendor's analysis heard it."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"
