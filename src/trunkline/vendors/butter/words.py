"""Butter's words, both ways."""

from __future__ import annotations

from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Status

NAME = "butter"

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "queued": Status.QUEUED,
        "initiated": Status.QUEUED,
        "ringing": Status.RINGING,
        "in_progress": Status.IN_PROGRESS,
        "completed": Status.COMPLETED,
        "busy": Status.BUSY,
        "no-answer": Status.NO_ANSWER,
        "failed": Status.FAILED,
        "canceled": Status.CANCELED,
    },
    write={
        Status.SCHEDULED: "queued",
        Status.QUEUED: "queued",
        Status.RINGING: "ringing",
        Status.IN_PROGRESS: "in_progress",
        Status.COMPLETED: "completed",
        Status.NO_ANSWER: "no-answer",
        Status.BUSY: "busy",
        Status.VOICEMAIL: "completed",
        Status.FAILED: "failed",
        Status.CANCELED: "canceled",
        Status.INCOMPLETE: "completed",
    },
    otherwise=Status.INCOMPLETE,
)

STATUS_VARIANTS = {"in-progress": "in_progress", "no_answer": "no-answer"}
"""Other spellings of the same words: the callbacks write the first, where the list writes the second."""

RESULTS = {
    Status.NO_ANSWER: Result.NO_ANSWER,
    Status.BUSY: Result.BUSY,
    Status.FAILED: Result.FAILED,
    Status.CANCELED: Result.FAILED,
}
"""The results that follow from a status alone."""

DIRECTION = Vocabulary(
    "direction",
    Direction,
    read={"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND, "preview": Direction.UNKNOWN},
    write={
        Direction.INBOUND: "inbound",
        Direction.OUTBOUND: "outbound",
        Direction.UNKNOWN: "inbound",  # our choice
    },
    otherwise=Direction.UNKNOWN,
)

PREVIEW = "preview"
"""The type of a call from the agent's editor, whichever its direction."""

CHANNEL = Vocabulary(
    "channel",
    Channel,
    read={"twilio": Channel.PHONE, "sip": Channel.PHONE, "webrtc": Channel.WEB},
    write={
        Channel.PHONE: None,  # its carrier is unknown
        Channel.WEB: "webrtc",
        Channel.TEST: None,
        Channel.UNKNOWN: None,
    },
    otherwise=Channel.UNKNOWN,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={
        "user_hangup": EndReason.USER_HANGUP,
        "tool_end_call": EndReason.AGENT_HANGUP,
        "transfer": EndReason.TRANSFER,
        "voicemail": EndReason.VOICEMAIL,
        "no_answer": EndReason.NO_ANSWER,
        "busy": EndReason.BUSY,
        "max_duration": EndReason.MAX_DURATION,
        "inactivity": EndReason.INACTIVITY,
        "canceled": EndReason.CANCELED,
        "error": EndReason.ERROR,
        "ivr": EndReason.IVR,  # our choice from here on
        "declined": EndReason.DECLINED,
        "spam": EndReason.SPAM,
        "invalid_number": EndReason.INVALID_NUMBER,
        "blocked": EndReason.BLOCKED,
        "concurrency_limit": EndReason.CONCURRENCY_LIMIT,
        "no_credit": EndReason.NO_CREDIT,
        "not_connected": EndReason.NOT_CONNECTED,
        "connection_lost": EndReason.CONNECTION_LOST,
        "carrier_error": EndReason.CARRIER_ERROR,
        "agent_error": EndReason.AGENT_ERROR,
    },
    write={
        EndReason.USER_HANGUP: "user_hangup",
        EndReason.AGENT_HANGUP: "tool_end_call",
        EndReason.TRANSFER: "transfer",
        EndReason.VOICEMAIL: "voicemail",
        EndReason.NO_ANSWER: "no_answer",
        EndReason.BUSY: "busy",
        EndReason.MAX_DURATION: "max_duration",
        EndReason.INACTIVITY: "inactivity",
        EndReason.CANCELED: "canceled",
        EndReason.ERROR: "error",
        EndReason.IVR: "ivr",
        EndReason.DECLINED: "declined",
        EndReason.SPAM: "spam",
        EndReason.INVALID_NUMBER: "invalid_number",
        EndReason.BLOCKED: "blocked",
        EndReason.CONCURRENCY_LIMIT: "concurrency_limit",
        EndReason.NO_CREDIT: "no_credit",
        EndReason.NOT_CONNECTED: "not_connected",
        EndReason.CONNECTION_LOST: "connection_lost",
        EndReason.CARRIER_ERROR: "carrier_error",
        EndReason.AGENT_ERROR: "agent_error",
        EndReason.OTHER: None,  # the raw word is printed
    },
    otherwise=EndReason.OTHER,
)

SPEAKERS_READ = {"assistant": Role.AGENT, "agent": Role.AGENT, "user": Role.USER}
SPEAKERS_WRITTEN = {Role.AGENT: "assistant", Role.USER: "user"}

SPEECH = {Role.AGENT: "assistant_response", Role.USER: "user_speech"}
"""The event types of speech."""

TOOL_CALL = "tool_call"


def role_of_event(kind: str) -> Role | None:
    """Read who speaks in an event; only `assistant_response` is documented, so the first word decides."""
    return SPEAKERS_READ.get(kind.partition("_")[0])
