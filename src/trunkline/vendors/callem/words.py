"""Callem's words, both ways."""

from __future__ import annotations

from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import ENDED_BY, RESULTS, EndReason, Role, Status

NAME = "callem"

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "live": Status.IN_PROGRESS,
        "completed": Status.COMPLETED,
    },
    write={
        Status.SCHEDULED: "live",  # our choice: a call that has not begun stays in the list, so totals agree
        Status.QUEUED: "live",
        Status.RINGING: "live",
        Status.IN_PROGRESS: "live",
        Status.COMPLETED: "completed",
        Status.NO_ANSWER: "completed",
        Status.BUSY: "completed",
        Status.VOICEMAIL: "completed",
        Status.FAILED: "completed",
        Status.CANCELED: "completed",
        Status.INCOMPLETE: "completed",
    },
    otherwise=Status.INCOMPLETE,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={
        "user_hangup": EndReason.USER_HANGUP,
        "agent_hangup": EndReason.AGENT_HANGUP,  # our choice from here on: the pages show user_hangup only
        "transfer": EndReason.TRANSFER,
        "voicemail": EndReason.VOICEMAIL,
        "no_answer": EndReason.NO_ANSWER,
        "busy": EndReason.BUSY,
        "max_duration": EndReason.MAX_DURATION,
        "inactivity": EndReason.INACTIVITY,
        "canceled": EndReason.CANCELED,
        "error": EndReason.ERROR,
        "ivr": EndReason.IVR,
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
        EndReason.AGENT_HANGUP: "agent_hangup",
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

REASONS_RESULTS = {
    reason: RESULTS[status] for reason, status in ENDED_BY.items() if status is not Status.CANCELED
}
"""Our choice: they have no result, so it follows from the reason."""

EVALUATION = {"success": True, "fail": False}
EVALUATED = {success: word for word, success in EVALUATION.items()}

ROLES = {"assistant": Role.AGENT, "agent": Role.AGENT, "user": Role.USER}
SPOKEN_BY = {Role.AGENT: "assistant", Role.USER: "user"}
