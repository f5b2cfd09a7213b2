"""ContactShip's words, both ways."""

from __future__ import annotations

from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status

NAME = "contactship"

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "in-progress": Status.IN_PROGRESS,
        "completed": Status.COMPLETED,
        "no-answer": Status.NO_ANSWER,
        "failed": Status.FAILED,
        "in-queue": Status.QUEUED,
        "incomplete": Status.INCOMPLETE,
        "busy": Status.BUSY,
        "answering-machine": Status.VOICEMAIL,
        "scheduled": Status.SCHEDULED,
        "voice_mail": Status.VOICEMAIL,
    },
    write={
        Status.SCHEDULED: "scheduled",
        Status.QUEUED: "in-queue",
        Status.RINGING: "in-queue",  # they do not distinguish ringing from queued
        Status.IN_PROGRESS: "in-progress",
        Status.COMPLETED: "completed",
        Status.NO_ANSWER: "no-answer",
        Status.BUSY: "busy",
        Status.VOICEMAIL: "voice_mail",
        Status.FAILED: "failed",
        Status.CANCELED: "failed",  # our choice
        Status.INCOMPLETE: "incomplete",
    },
    otherwise=Status.INCOMPLETE,
)

STATUS_VARIANTS = {  # [docs] the status endpoint, the webhook and call history spell the same words so
    "in_queue": "in-queue",
    "pending": "in-queue",
    "in_progress": "in-progress",
    "ended": "completed",
    "voicemail": "voice_mail",
    "no_answer": "no-answer",
    "canceled": "failed",
}

POLLED = {
    Status.SCHEDULED: "scheduled",
    Status.QUEUED: "in_queue",
    Status.RINGING: "pending",
    Status.IN_PROGRESS: "in_progress",
    Status.COMPLETED: "ended",
    Status.NO_ANSWER: "no_answer",
    Status.BUSY: "failed",  # our choice: the vendor documents no word for it here
    Status.VOICEMAIL: "voicemail",
    Status.FAILED: "failed",
    Status.CANCELED: "canceled",
    Status.INCOMPLETE: "ended",  # our choice
}
"""The status as the status poll spells it."""

RESULT = Vocabulary(
    "result",
    Result,
    read={result.value: result for result in Result},
    write={result: result.value for result in Result},
    otherwise=None,
)

ENDED_WITH = {
    Result.VOICEMAIL: Status.VOICEMAIL,
    Result.NO_ANSWER: Status.NO_ANSWER,
    Result.BUSY: Status.BUSY,
    Result.FAILED: Status.FAILED,
}
"""The meaning of a webhook's `ended` beside one of these results."""

DIRECTION = Vocabulary(
    "direction",
    Direction,
    read={
        "inbound": Direction.INBOUND,
        "outbound": Direction.OUTBOUND,
        "outbound-api": Direction.OUTBOUND,  # [docs] call history
    },
    write={
        Direction.INBOUND: "inbound",
        Direction.OUTBOUND: "outbound",
        Direction.UNKNOWN: "inbound",  # our choice
    },
    otherwise=Direction.UNKNOWN,
)

CHANNEL = Vocabulary(
    "channel",
    Channel,
    read={
        "ai_call": Channel.UNKNOWN,
        "test_web_call": Channel.TEST,
        "test_phone_call": Channel.TEST,
        "api_call": Channel.PHONE,
        "platform_contact_call": Channel.PHONE,
        "campaign_call": Channel.PHONE,
        "inbound_call": Channel.PHONE,
        "widget_web_call": Channel.WEB,
        "web_call": Channel.WEB,
    },
    write={
        Channel.PHONE: "ai_call",
        Channel.WEB: "web_call",
        Channel.TEST: "test_web_call",
        Channel.UNKNOWN: "ai_call",
    },
    otherwise=Channel.UNKNOWN,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={
        "user_hangup": EndReason.USER_HANGUP,
        "agent_hangup": EndReason.AGENT_HANGUP,
        "call_transfer": EndReason.TRANSFER,
        "voicemail_reached": EndReason.VOICEMAIL,
        "no_answer": EndReason.NO_ANSWER,
        "dial_no_answer": EndReason.NO_ANSWER,
        "busy": EndReason.BUSY,
        "dial_busy": EndReason.BUSY,
        "max_duration_reached": EndReason.MAX_DURATION,
        "inactivity": EndReason.INACTIVITY,
        "canceled": EndReason.CANCELED,
        "failed": EndReason.ERROR,
        "dial_failed": EndReason.ERROR,
        "ivr_reached": EndReason.IVR,  # our choice from here on
        "user_declined": EndReason.DECLINED,
        "marked_as_spam": EndReason.SPAM,
        "invalid_destination": EndReason.INVALID_NUMBER,
        "telephony_provider_permission_denied": EndReason.BLOCKED,
        "concurrency_limit_reached": EndReason.CONCURRENCY_LIMIT,
        "no_valid_payment": EndReason.NO_CREDIT,
        "registered_call_timeout": EndReason.NOT_CONNECTED,
        "connection_lost": EndReason.CONNECTION_LOST,
        "telephony_provider_unavailable": EndReason.CARRIER_ERROR,
        "agent_error": EndReason.AGENT_ERROR,
        "scam_detected": EndReason.SPAM,
        "sip_routing_error": EndReason.CARRIER_ERROR,
    },
    write={
        EndReason.USER_HANGUP: "user_hangup",
        EndReason.AGENT_HANGUP: "agent_hangup",
        EndReason.TRANSFER: "call_transfer",
        EndReason.VOICEMAIL: "voicemail_reached",
        EndReason.NO_ANSWER: "no_answer",
        EndReason.BUSY: "busy",
        EndReason.MAX_DURATION: "max_duration_reached",
        EndReason.INACTIVITY: "inactivity",
        EndReason.CANCELED: "canceled",
        EndReason.ERROR: "failed",
        EndReason.IVR: "ivr_reached",
        EndReason.DECLINED: "user_declined",
        EndReason.SPAM: "marked_as_spam",
        EndReason.INVALID_NUMBER: "invalid_destination",
        EndReason.BLOCKED: "telephony_provider_permission_denied",
        EndReason.CONCURRENCY_LIMIT: "concurrency_limit_reached",
        EndReason.NO_CREDIT: "no_valid_payment",
        EndReason.NOT_CONNECTED: "registered_call_timeout",
        EndReason.CONNECTION_LOST: "connection_lost",
        EndReason.CARRIER_ERROR: "telephony_provider_unavailable",
        EndReason.AGENT_ERROR: "agent_error",
        EndReason.OTHER: None,  # the raw word is printed
    },
    otherwise=EndReason.OTHER,
)

SENTIMENT = Vocabulary(
    "sentiment",
    Sentiment,
    read={sentiment.value: sentiment for sentiment in Sentiment},
    write={sentiment: sentiment.value for sentiment in Sentiment},
    otherwise=Sentiment.UNKNOWN,
)

ROLES = {"agent": Role.AGENT, "assistant": Role.AGENT, "user": Role.USER}

ANALYSIS_KEYS = (
    *("summary", "sentiment", "call_summary", "user_sentiment", "call_successful", "in_voicemail"),
    *("custom_analysis_data", "evaluation_results"),
)
"""The keys of `call_analysis` in both documented shapes; any other key is a team's own field."""
