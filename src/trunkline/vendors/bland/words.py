"""Bland's words, and the fields that its calls are known to have."""

from __future__ import annotations

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import EndReason, Result, Role, Status

NAME = "bland"

STATUS = OneWay(
    "status",
    read={
        "completed": Status.COMPLETED,
        "complete": Status.COMPLETED,
        "failed": Status.FAILED,
        "busy": Status.BUSY,
        "no-answer": Status.NO_ANSWER,
        "canceled": Status.CANCELED,
        "voicemail": Status.VOICEMAIL,
        "queued": Status.QUEUED,
        "pre_queue": Status.QUEUED,
        "new": Status.QUEUED,
        "allocated": Status.QUEUED,
        "ringing": Status.RINGING,
        "started": Status.IN_PROGRESS,
        "in-progress": Status.IN_PROGRESS,
        "complete_error": Status.FAILED,
        "call_error": Status.FAILED,
        "queue_error": Status.FAILED,
        "pre_queue_error": Status.FAILED,
    },
    otherwise=Status.INCOMPLETE,
)

ENDED_BY = OneWay(
    "end_reason",
    read={"ASSISTANT": EndReason.AGENT_HANGUP, "USER": EndReason.USER_HANGUP},
    otherwise=EndReason.OTHER,
    spelling=str.upper,
)

ANSWERED_BY = OneWay(
    "answered_by",
    read={
        "human": Result.ANSWERED,
        "unknown": Result.ANSWERED,
        "voicemail": Result.VOICEMAIL,
        "no-answer": Result.NO_ANSWER,
    },
    otherwise=None,
)

END_REASONS = {
    Status.FAILED: EndReason.ERROR,
    Status.BUSY: EndReason.BUSY,
    Status.NO_ANSWER: EndReason.NO_ANSWER,
    Status.VOICEMAIL: EndReason.VOICEMAIL,
    Status.CANCELED: EndReason.CANCELED,
}

ROLES = {"user": Role.USER, "assistant": Role.AGENT, "robot": Role.AGENT}
ACTION = "agent-action"

SYSTEM_VARIABLES = (
    *("now", "now_utc", "short_from", "short_to", "from", "to", "call_id", "phone_number", "city", "country"),
    *("state", "zip", "timestamp", "timezone", "language"),
)
READ = (
    *("call_id", "c_id", "to", "from", "inbound", "status", "queue_status", "completed", "answered_by"),
    *("call_ended_by", "error_message", "created_at", "started_at", "corrected_duration", "call_length"),
    *(
        "batch_id",
        "pathway_id",
        "persona_id",
        "transcripts",
        "concatenated_transcript",
        "summary",
        "analysis",
    ),
    *("price", "record", "recording_url", "metadata", "variables"),
)
STORED_FIELDS = (
    *(
        "end_at",
        "request_data",
        "endpoint_url",
        "max_duration",
        "local_dialing",
        "pathway_logs",
        "pathway_tags",
    ),
    *("analysis_schema", "recording_expiration", "disposition_tag", "transferred_to", "transferred_at"),
    *("pre_transfer_duration", "post_transfer_duration", "warm_transfer_calls", "citations", "language"),
    *("pathway_version", "is_proxy_agent_call", "sms_log", "post_call_sms", "corrected_at"),
)
