"""Zudu's words, both ways: any case in, upper case out."""

from __future__ import annotations

from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import Channel, Direction, EndReason, Role, Sentiment, Status

NAME = "zudu"

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "SCHEDULED": Status.SCHEDULED,
        "REGISTERED": Status.QUEUED,
        "ONGOING": Status.IN_PROGRESS,
        "ENDED": Status.COMPLETED,  # refined by the reason
        "ERROR": Status.FAILED,
    },
    write={
        Status.SCHEDULED: "SCHEDULED",
        Status.QUEUED: "REGISTERED",
        Status.RINGING: "REGISTERED",  # they do not distinguish ringing from queued
        Status.IN_PROGRESS: "ONGOING",
        Status.COMPLETED: "ENDED",
        Status.NO_ANSWER: "ENDED",
        Status.BUSY: "ENDED",
        Status.VOICEMAIL: "ENDED",
        Status.FAILED: "ERROR",
        Status.CANCELED: "ENDED",
        Status.INCOMPLETE: "ENDED",
    },
    otherwise=Status.INCOMPLETE,
    spelling=str.upper,
)

DIRECTION = Vocabulary(
    "direction",
    Direction,
    read={"INBOUND": Direction.INBOUND, "OUTBOUND": Direction.OUTBOUND},
    write={
        Direction.INBOUND: "INBOUND",
        Direction.OUTBOUND: "OUTBOUND",
        Direction.UNKNOWN: None,
    },
    otherwise=Direction.UNKNOWN,
    spelling=str.upper,
)

CHANNEL = Vocabulary(
    "channel",
    Channel,
    read={"PHONE_CALL": Channel.PHONE, "WEB_CALL": Channel.WEB},
    write={
        Channel.PHONE: "PHONE_CALL",
        Channel.WEB: "WEB_CALL",
        Channel.TEST: "WEB_CALL",  # our choice
        Channel.UNKNOWN: "PHONE_CALL",  # our choice: the field is never null
    },
    otherwise=Channel.UNKNOWN,
    spelling=str.upper,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={
        "USER_HANGUP": EndReason.USER_HANGUP,
        "AGENT_HANGUP": EndReason.AGENT_HANGUP,
        "CALL_TRANSFER": EndReason.TRANSFER,
        "VOICEMAIL_REACHED": EndReason.VOICEMAIL,
        "IVR_REACHED": EndReason.IVR,
        "INACTIVITY": EndReason.INACTIVITY,
        "MAX_DURATION_REACHED": EndReason.MAX_DURATION,
        "CONCURRENCY_LIMIT_REACHED": EndReason.CONCURRENCY_LIMIT,
        "NO_VALID_PAYMENT": EndReason.NO_CREDIT,
        "SCAM_DETECTED": EndReason.SPAM,
        "DIAL_BUSY": EndReason.BUSY,
        "DIAL_FAILED": EndReason.ERROR,
        "DIAL_NO_ANSWER": EndReason.NO_ANSWER,
        "INVALID_DESTINATION": EndReason.INVALID_NUMBER,
        "TELEPHONY_PROVIDER_PERMISSION_DENIED": EndReason.BLOCKED,
        "TELEPHONY_PROVIDER_UNAVAILABLE": EndReason.CARRIER_ERROR,
        "SIP_ROUTING_ERROR": EndReason.CARRIER_ERROR,
        "MARKED_AS_SPAM": EndReason.SPAM,
        "USER_DECLINED": EndReason.DECLINED,
        "REGISTERED_CALL_TIMEOUT": EndReason.NOT_CONNECTED,
        "MANUAL_STOPPED": EndReason.CANCELED,
        "ERROR_CONNECTION": EndReason.CONNECTION_LOST,  # our choice, as the next: their errors have no list
        "ERROR_AGENT": EndReason.AGENT_ERROR,
    },
    write={
        EndReason.USER_HANGUP: "USER_HANGUP",
        EndReason.AGENT_HANGUP: "AGENT_HANGUP",
        EndReason.TRANSFER: "CALL_TRANSFER",
        EndReason.VOICEMAIL: "VOICEMAIL_REACHED",
        EndReason.IVR: "IVR_REACHED",
        EndReason.NO_ANSWER: "DIAL_NO_ANSWER",
        EndReason.BUSY: "DIAL_BUSY",
        EndReason.DECLINED: "USER_DECLINED",
        EndReason.MAX_DURATION: "MAX_DURATION_REACHED",
        EndReason.INACTIVITY: "INACTIVITY",
        EndReason.CANCELED: "MANUAL_STOPPED",
        EndReason.SPAM: "MARKED_AS_SPAM",
        EndReason.INVALID_NUMBER: "INVALID_DESTINATION",
        EndReason.BLOCKED: "TELEPHONY_PROVIDER_PERMISSION_DENIED",
        EndReason.CONCURRENCY_LIMIT: "CONCURRENCY_LIMIT_REACHED",
        EndReason.NO_CREDIT: "NO_VALID_PAYMENT",
        EndReason.NOT_CONNECTED: "REGISTERED_CALL_TIMEOUT",
        EndReason.CONNECTION_LOST: "ERROR_CONNECTION",
        EndReason.CARRIER_ERROR: "TELEPHONY_PROVIDER_UNAVAILABLE",
        EndReason.AGENT_ERROR: "ERROR_AGENT",
        EndReason.ERROR: "DIAL_FAILED",
        EndReason.OTHER: None,  # the raw word is printed
    },
    otherwise=EndReason.OTHER,
    spelling=str.upper,
)

REASONS = {
    Status.NO_ANSWER: "DIAL_NO_ANSWER",
    Status.BUSY: "DIAL_BUSY",
    Status.VOICEMAIL: "VOICEMAIL_REACHED",
    Status.CANCELED: "MANUAL_STOPPED",
}
"""The reason that explains the `ENDED` of another vendor's call, where its own reason does not."""

SENTIMENT = Vocabulary(
    "sentiment",
    Sentiment,
    read={sentiment.value.capitalize(): sentiment for sentiment in Sentiment},
    write={sentiment: sentiment.value.capitalize() for sentiment in Sentiment},
    otherwise=Sentiment.UNKNOWN,
    spelling=str.capitalize,
)

ROLES_READ = {"assistant": Role.AGENT, "agent": Role.AGENT, "user": Role.USER}
ROLES_WRITTEN = {Role.AGENT: "assistant", Role.USER: "user"}


def end_reason_of(word: str) -> EndReason:
    """Read a reason; every other word that begins with `ERROR_` is an error."""
    ours = END_REASON.read(word) or EndReason.OTHER
    return EndReason.ERROR if ours is EndReason.OTHER and word.upper().startswith("ERROR_") else ours
