"""Retell's words, theirs to ours."""

from __future__ import annotations

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import Channel, Direction, EndReason, Role, Sentiment, Status

NAME = "retell"

STATUS = OneWay(
    "call_status",
    read={
        "registered": Status.QUEUED,
        "not_connected": Status.FAILED,  # refined by the reason
        "ongoing": Status.IN_PROGRESS,
        "ended": Status.COMPLETED,  # refined by the reason
        "error": Status.FAILED,
    },
    otherwise=Status.INCOMPLETE,
)

REFINED = frozenset({"ended", "not_connected"})
"""Statuses that only mean that the call is over; the reason decides the result."""

CHANNEL = OneWay(
    "call_type",
    read={"phone_call": Channel.PHONE, "web_call": Channel.WEB},
    otherwise=Channel.UNKNOWN,
)

DIRECTION = OneWay(
    "direction",
    read={"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND},
    otherwise=Direction.UNKNOWN,
)

END_REASON = OneWay(
    "disconnection_reason",
    read={
        "user_hangup": EndReason.USER_HANGUP,
        "agent_hangup": EndReason.AGENT_HANGUP,
        "user_requested_dnc": EndReason.AGENT_HANGUP,  # our choice: the agent ends what the user asked to end
        "user_requested_callback": EndReason.AGENT_HANGUP,
        "call_transfer": EndReason.TRANSFER,
        "transfer_bridged": EndReason.TRANSFER,
        "transfer_cancelled": EndReason.OTHER,
        "call_take_over": EndReason.TRANSFER,  # our choice: a person replaces the agent
        "voicemail_reached": EndReason.VOICEMAIL,
        "ivr_reached": EndReason.IVR,
        "inactivity": EndReason.INACTIVITY,
        "max_duration_reached": EndReason.MAX_DURATION,
        "concurrency_limit_reached": EndReason.CONCURRENCY_LIMIT,
        "no_concurrency_fallback": EndReason.CONCURRENCY_LIMIT,
        "no_valid_payment": EndReason.NO_CREDIT,
        "credit_exhausted": EndReason.NO_CREDIT,
        "budget_reached": EndReason.NO_CREDIT,
        "scam_detected": EndReason.SPAM,
        "marked_as_spam": EndReason.SPAM,
        "dial_busy": EndReason.BUSY,
        "dial_failed": EndReason.ERROR,
        "dial_no_answer": EndReason.NO_ANSWER,
        "user_declined": EndReason.DECLINED,
        "invalid_destination": EndReason.INVALID_NUMBER,
        "telephony_provider_permission_denied": EndReason.BLOCKED,
        "network_blocked": EndReason.BLOCKED,
        "telephony_provider_unavailable": EndReason.CARRIER_ERROR,
        "sip_routing_error": EndReason.CARRIER_ERROR,
        "error_llm_websocket_open": EndReason.AGENT_ERROR,
        "error_llm_websocket_lost_connection": EndReason.AGENT_ERROR,
        "error_llm_websocket_runtime": EndReason.AGENT_ERROR,
        "error_llm_websocket_corrupt_payload": EndReason.AGENT_ERROR,
        "error_asr": EndReason.AGENT_ERROR,
        "error_no_audio_received": EndReason.CONNECTION_LOST,
        "error_retell": EndReason.ERROR,
        "error_unknown": EndReason.ERROR,
        "error_user_not_joined": EndReason.NOT_CONNECTED,
        "registered_call_timeout": EndReason.NOT_CONNECTED,
        "manual_stopped": EndReason.CANCELED,
    },
    otherwise=EndReason.OTHER,
)

SENTIMENT = OneWay(
    "user_sentiment",
    read={sentiment.value.capitalize(): sentiment for sentiment in Sentiment},
    otherwise=Sentiment.UNKNOWN,
    spelling=str.capitalize,
)

ROLES = {"agent": Role.AGENT, "user": Role.USER, "transfer_target": Role.USER}
"""Who speaks; the person to whom a call is transferred is none of ours, and speaks as a user (our choice)."""

ASIDES = frozenset({"node_transition", "dtmf", "sms", "injected"})
"""Entries of a transcript that are neither speech nor a tool; they become events."""

EVENTS = frozenset(
    {
        *("call_started", "call_ended", "call_analyzed", "transcript_updated"),
        *("transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended"),
    }
)
"""Events about a call; the words after `chat_` are about chats, which are no calls."""

STORED_FIELDS = (
    *("agent_tag", "custom_sip_headers", "data_storage_setting", "opt_in_signed_url"),
    *("knowledge_base_retrieved_contents_url", "recording_multi_channel_url", "scrubbed_recording_url"),
    *("scrubbed_recording_multi_channel_url", "transfer_destination", "transfer_option"),
    *("transfer_end_timestamp", "pre_session_transcript_with_tool_calls"),
    "post_session_transcript_with_tool_calls",
)
"""Documented fields that have no field of ours, stored as they are."""

SCRUBBED = "scrubbed_transcript_with_tool_calls"
"""The conversation without what is personal in it; it is read where there is no other."""

LEFT = (
    *("access_token", SCRUBBED, "scrubbed_pre_session_transcript_with_tool_calls"),
    "scrubbed_post_session_transcript_with_tool_calls",
)
"""Fields that are not stored: a credential, and fields that repeat others with less in them."""
