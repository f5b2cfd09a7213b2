"""Ultravox' words, and the fields that its calls are known to have."""

from __future__ import annotations

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import Channel, Direction, EndReason

NAME = "ultravox"

EVENTS = ("call.started", "call.joined", "call.ended", "call.billed")

END_REASON = OneWay(
    "end_reason",
    read={
        "unjoined": EndReason.NOT_CONNECTED,
        "hangup": EndReason.USER_HANGUP,
        "agent_hangup": EndReason.AGENT_HANGUP,
        "timeout": EndReason.MAX_DURATION,
        "connection_error": EndReason.CONNECTION_LOST,
        "system_error": EndReason.AGENT_ERROR,
    },
    otherwise=EndReason.OTHER,
)

BILLING_STEPS = {
    "BILLING_STATUS_UNSPECIFIED": 0,
    "BILLING_STATUS_PENDING": 0,
    "BILLING_STATUS_FREE_CONSOLE": 1,
    "BILLING_STATUS_FREE_ZERO_EFFECTIVE_DURATION": 1,
    "BILLING_STATUS_FREE_MINUTES": 1,
    "BILLING_STATUS_FREE_SYSTEM_ERROR": 1,
    "BILLING_STATUS_FREE_OTHER": 1,
    "BILLING_STATUS_BILLED": 1,
    "BILLING_STATUS_REFUNDED": 2,
}
"""How far each word is along the way of a bill."""

CHANNELS = {
    "webRtc": Channel.WEB,
    "serverWebSocket": Channel.WEB,
    "twilio": Channel.PHONE,
    "telnyx": Channel.PHONE,
    "plivo": Channel.PHONE,
    "exotel": Channel.PHONE,
    "sip": Channel.PHONE,
}
DIRECTIONS = {"outgoing": Direction.OUTBOUND, "incoming": Direction.INBOUND}

CONFIG = ("model", "voice", "externalVoice", "voiceOverrides", "temperature", "languageHint", "systemPrompt")
USAGE = ("billedDuration", "billedSideInputTokens", "billedSideOutputTokens")
LEFT_OUT = ("joinUrl", "callbacks", "medium")  # they hold secrets; what counts of the medium is read
READ = (
    *("callId", "created", "joined", "ended", "endReason", "agent", "agentId", "summary", "billingStatus"),
    *("recordingEnabled", "metadata"),
    *(*CONFIG, *USAGE, *LEFT_OUT),
)
STORED_FIELDS = (
    *("clientVersion", "shortSummary", "sipDetails", "joinTimeout", "maxDuration", "firstSpeaker"),
    *("firstSpeakerSettings", "inactivityMessages", "initialOutputMedium", "timeExceededMessage"),
    *("transcriptOptional", "vadSettings", "experimentalSettings", "initialState", "requestContext"),
    "dataConnectionConfig",
)
