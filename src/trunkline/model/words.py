"""The closed lists of our words, each ending in a catch-all where a vendor may say more."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The state of a call, from planned to over."""

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
    """The call ended in the middle, or its vendor used an undocumented word for its state."""

    @property
    def is_final(self) -> bool:
        """Whether the call is over and its status can no longer go back to a live one."""
        return self not in LIVE


LIVE = frozenset({Status.SCHEDULED, Status.QUEUED, Status.RINGING, Status.IN_PROGRESS})


class Result(StrEnum):
    """The outcome of an ended call; a call that is not over, or cannot be decided, has none."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a call ended, in the words that vendors share."""

    USER_HANGUP = "user_hangup"
    """The person on the line hung up."""
    AGENT_HANGUP = "agent_hangup"
    """The agent ended the conversation."""
    TRANSFER = "transfer"
    """The call was handed on to someone else."""
    VOICEMAIL = "voicemail"
    """A mailbox or an answering machine picked up."""
    IVR = "ivr"
    """A machine's menu picked up."""
    NO_ANSWER = "no_answer"
    """It rang, and nobody picked up."""
    BUSY = "busy"
    """The line was busy."""
    DECLINED = "declined"
    """The person called turned the call down."""
    MAX_DURATION = "max_duration"
    """The call reached the longest time it was allowed."""
    INACTIVITY = "inactivity"
    """Nobody said anything for too long."""
    CANCELED = "canceled"
    """The team or its software stopped the call, or took it back before it began."""
    SPAM = "spam"
    """The call was regarded as spam or a scam, on either side."""
    INVALID_NUMBER = "invalid_number"
    """The number cannot be called: it is wrong, or nobody has it."""
    BLOCKED = "blocked"
    """A vendor, a carrier or a rule does not allow the call."""
    CONCURRENCY_LIMIT = "concurrency_limit"
    """Too many calls were on at once."""
    NO_CREDIT = "no_credit"
    """The team's balance, budget or payment did not cover the call."""
    NOT_CONNECTED = "not_connected"
    """The call was set up, and one side never joined it."""
    CONNECTION_LOST = "connection_lost"
    """The line broke, or no sound came through it any more."""
    CARRIER_ERROR = "carrier_error"
    """The telephone network, or the carrier to it, failed."""
    AGENT_ERROR = "agent_error"
    """The agent failed, or a model, a voice or a server that it is made of."""
    ERROR = "error"
    """Something failed that is none of these."""
    OTHER = "other"
    """A reason outside this list; the vendor's own word is in `end_reason_raw`."""


ENDED_BY = {
    EndReason.VOICEMAIL: Status.VOICEMAIL,
    EndReason.NO_ANSWER: Status.NO_ANSWER,
    EndReason.BUSY: Status.BUSY,
    EndReason.DECLINED: Status.NO_ANSWER,
    EndReason.CANCELED: Status.CANCELED,
    EndReason.INVALID_NUMBER: Status.FAILED,
    EndReason.BLOCKED: Status.FAILED,
    EndReason.CONCURRENCY_LIMIT: Status.FAILED,
    EndReason.NO_CREDIT: Status.FAILED,
    EndReason.NOT_CONNECTED: Status.FAILED,
    EndReason.CONNECTION_LOST: Status.FAILED,
    EndReason.CARRIER_ERROR: Status.FAILED,
    EndReason.AGENT_ERROR: Status.FAILED,
    EndReason.ERROR: Status.FAILED,
}
"""The result of an ended call whose vendor only reports that it ended, and why."""

CONVERSED = frozenset(
    {
        EndReason.USER_HANGUP,
        EndReason.AGENT_HANGUP,
        EndReason.TRANSFER,
        EndReason.MAX_DURATION,
        EndReason.INACTIVITY,
    }
)
"""Reasons that only an answered call can end for."""

RESULTS = {
    Status.NO_ANSWER: Result.NO_ANSWER,
    Status.BUSY: Result.BUSY,
    Status.VOICEMAIL: Result.VOICEMAIL,
    Status.FAILED: Result.FAILED,
}
"""The results that follow from a status alone."""


class Direction(StrEnum):
    """Who called whom, seen from the agent's side."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """The channel of the call."""

    PHONE = "phone"
    WEB = "web"
    TEST = "test"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Who speaks in a turn."""

    AGENT = "agent"
    USER = "user"


class Sentiment(StrEnum):
    """The caller's mood according to the vendor's analysis."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"
