"""ElevenLabs' words, theirs to ours."""

from __future__ import annotations

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import Channel, Direction, EndReason, Role, Sentiment, Status

NAME = "elevenlabs"

STATUS = OneWay(
    "status",
    read={
        "initiated": Status.QUEUED,
        "in-progress": Status.IN_PROGRESS,
        "processing": Status.COMPLETED,  # the call is over and is being analyzed
        "done": Status.COMPLETED,
        "failed": Status.FAILED,
    },
    otherwise=Status.INCOMPLETE,
)

DIRECTION = OneWay(
    "direction",
    read={"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND},
    otherwise=Direction.UNKNOWN,
)

CHANNEL = OneWay(
    "conversation_initiation_source",
    read={
        **dict.fromkeys(
            ("twilio", "sip_trunk", "exotel", "genesys", "avaya", "audiocodes", "genesys_bot_connector"),
            Channel.PHONE,
        ),
        **dict.fromkeys(
            ("android_sdk", "node_js_sdk", "react_native_sdk", "react_sdk", "js_sdk", "python_sdk"),
            Channel.WEB,
        ),
        **dict.fromkeys(("widget", "swift_sdk", "flutter_sdk"), Channel.WEB),
        "template_preview": Channel.TEST,
        **dict.fromkeys(
            ("unknown", "whatsapp", "twilio_sms", "subagent_tool", "zendesk_integration"), Channel.UNKNOWN
        ),
        **dict.fromkeys(
            (
                *("slack_integration", "telegram_integration", "intercom_integration"),
                *("freshdesk_integration", "salesforce_integration"),
            ),
            Channel.UNKNOWN,
        ),
    },
    otherwise=Channel.UNKNOWN,
)


def beginning(text: str) -> str:
    """The part of a reason that stays the same from call to call: lower case, up to a colon or full stop."""
    return text.lower().partition(":")[0].partition(".")[0].strip()


END_REASON = OneWay(
    "termination_reason",
    read={
        # Our choice, from observed reasons: they are undocumented sentences.
        "client disconnected": EndReason.USER_HANGUP,
        "call ended by remote party": EndReason.USER_HANGUP,
        "user ended call": EndReason.USER_HANGUP,
        "agent ended call": EndReason.AGENT_HANGUP,
        "end_call tool was called": EndReason.AGENT_HANGUP,
        "transfer_to_number tool was called": EndReason.TRANSFER,
        "voicemail_detection tool was called": EndReason.VOICEMAIL,
        "voicemail detected": EndReason.VOICEMAIL,
        "max conversation duration reached": EndReason.MAX_DURATION,
        "conversation exceeded max duration": EndReason.MAX_DURATION,
        "silence timeout": EndReason.INACTIVITY,
    },
    otherwise=EndReason.OTHER,
    spelling=beginning,
)

CALL_RESULT = {
    "voicemail": Status.VOICEMAIL,
    "busy": Status.BUSY,
    "no_answer": Status.NO_ANSWER,
    "failed": Status.FAILED,
}
"""The meaning of `phone_call.call_result` for a call that is over; `answered` adds nothing."""

FAILURE = OneWay(
    "failure_reason",
    read={"busy": EndReason.BUSY, "no-answer": EndReason.NO_ANSWER, "unknown": EndReason.ERROR},
    otherwise=EndReason.ERROR,
)

SIP_CODES = {
    403: EndReason.BLOCKED,
    404: EndReason.INVALID_NUMBER,
    408: EndReason.NO_ANSWER,
    480: EndReason.NO_ANSWER,
    484: EndReason.INVALID_NUMBER,
    486: EndReason.BUSY,
    487: EndReason.CANCELED,
    600: EndReason.BUSY,
    603: EndReason.DECLINED,
    604: EndReason.INVALID_NUMBER,
}
"""The meaning of the carrier's status where the vendor reports `unknown`; from 500 on, the carrier failed."""

SUCCESS = {"success": True, "failure": False, "unknown": None}

SENTIMENT = OneWay(
    "overall_label", read={mood.value: mood for mood in Sentiment}, otherwise=Sentiment.UNKNOWN
)

ROLES = {"agent": Role.AGENT, "user": Role.USER}

CONVERSATION = frozenset(
    {
        *("conversation_id", "agent_id", "agent_name", "status", "user_id", "transcript", "metadata"),
        *("analysis", "has_audio", "conversation_initiation_client_data", "otlp_traces"),
    }
)
"""Fields of a conversation that are read."""

SUMMARY = frozenset(
    {
        *("start_time_unix_secs", "call_duration_secs", "cost", "termination_reason", "call_successful"),
        *("transcript_summary", "direction", "conversation_initiation_source", "sentiment_analysis"),
        *("data_collection_results", "evaluation_criteria_results"),
    }
)
"""Fields that a list prints flat, and a conversation inside `metadata` and `analysis`."""

STORED_FIELDS = (
    *("conversation_product", "branch_id", "version_id", "environment", "visited_agents", "tag_ids"),
    *("user_message_count", "agent_message_count", "message_count", "has_user_audio", "has_response_audio"),
    *("has_auxiliary_audio", "call_success_score", "call_summary_title", "main_language", "tool_names"),
    *("rating", "cost_fiat"),
)
"""Documented fields that have no field of ours, stored as they are."""

METADATA = frozenset(
    {
        *("start_time_unix_secs", "call_duration_secs", "cost", "charging", "phone_call", "batch_call"),
        *("termination_reason", "error", "conversation_initiation_source"),
    }
)
"""Fields of `metadata` that are read."""

STORED_METADATA = frozenset(
    {
        *("accepted_time_unix_secs", "queue_wait_secs", "deletion_settings", "feedback", "warnings"),
        *("authorization_method", "main_language", "rag_usage", "text_only", "features_usage"),
        *("eleven_assistant", "initiator_id", "conversation_initiation_source_version", "timezone"),
        *("async_metadata", "whatsapp", "sms", "agent_created_from", "agent_last_updated_from"),
        *("voice_rewards", "cost_fiat"),
    }
)

ANALYSIS = frozenset(
    {"call_successful", "transcript_summary", "evaluation_criteria_results", "sentiment_analysis"}
)
"""Fields of `analysis` that are read to the last; of `data_collection_results` only the values are."""

STORED_ANALYSIS = frozenset(
    {
        *("data_collection_results", "data_collection_results_list", "evaluation_criteria_results_list"),
        *("call_success_score", "call_summary_title", "scoped"),
    }
)
