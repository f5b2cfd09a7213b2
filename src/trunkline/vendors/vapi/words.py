"""Vapi's words, and the fields that its messages and calls are known to have."""

from __future__ import annotations

import re

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import Channel, Direction, EndReason, Role, Status

NAME = "vapi"

# -- messages -------------------------------------------------------------

REPORT = "end-of-call-report"
STATUS_UPDATE = "status-update"
TRANSCRIPT = "transcript"

LIVE_EVENTS = frozenset(
    {"conversation-update", "speech-update", "hang", "transfer-update", "user-interrupted", "model-output"}
    | {"assistant.speechStarted", "language-change-detected", "voice-input", TRANSCRIPT}
)
"""Messages that are sent from within a conversation."""

EXPECT_AN_ANSWER = frozenset(
    {"tool-calls", "function-call", "assistant-request", "transfer-destination-request"}
    | {"handoff-destination-request", "knowledge-base-request", "voice-request", "call.endpointing.request"}
    | {"campaign.predial", "phone-call-control"}
)

NOT_OF_A_CALL = frozenset(
    {"chat.created", "chat.deleted", "session.created", "session.updated", "session.deleted"}
    | {"call.artifact.upload", "call.deleted", "call.delete.failed"}
)
"""Messages that do not describe a call."""

OTHERS = frozenset({REPORT, STATUS_UPDATE, "call.ended"})

# -- words ----------------------------------------------------------------

STATUS = OneWay(
    "status",
    read={
        "scheduled": Status.SCHEDULED,
        "queued": Status.QUEUED,
        "ringing": Status.RINGING,
        "in-progress": Status.IN_PROGRESS,
        "forwarding": Status.IN_PROGRESS,
        "ended": Status.COMPLETED,
        "not-found": Status.INCOMPLETE,
        "deletion-failed": Status.COMPLETED,
    },
    otherwise=Status.INCOMPLETE,
)

TYPE = OneWay(
    "type",
    read={
        "inboundPhoneCall": Direction.INBOUND,
        "outboundPhoneCall": Direction.OUTBOUND,
        "webCall": Direction.UNKNOWN,
        "vapi.websocketCall": Direction.UNKNOWN,
    },
    otherwise=Direction.UNKNOWN,
)
CHANNELS = {
    "inboundPhoneCall": Channel.PHONE,
    "outboundPhoneCall": Channel.PHONE,
    "webCall": Channel.WEB,
    "vapi.websocketCall": Channel.WEB,
}

ROLES = {"user": Role.USER, "bot": Role.AGENT, "assistant": Role.AGENT}
TOOL_CALLS = frozenset({"tool_calls", "tool-calls", "tool_call", "tool-call"})
TOOL_RESULTS = frozenset({"tool_call_result", "tool-call-result", "tool-result", "tool"})
UNSPOKEN = frozenset({"system", "developer"})

SUCCESS = {"true": True, "pass": True, "false": False, "fail": False}
"""Words of the pass-or-fail rubrics; a grade on another rubric is neither."""

# -- why a call ended -----------------------------------------------------


def _kebab(word: str) -> str:
    """Some published examples print `assistantEndedCall` for `assistant-ended-call`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", word).lower()


ENDED_REASON = OneWay(
    "end_reason",
    read={
        "assistant-ended-call": EndReason.AGENT_HANGUP,
        "assistant-ended-call-with-hangup-task": EndReason.AGENT_HANGUP,
        "assistant-ended-call-after-message-spoken": EndReason.AGENT_HANGUP,
        "assistant-said-end-call-phrase": EndReason.AGENT_HANGUP,
        "assistant-forwarded-call": EndReason.TRANSFER,
        "assistant-request-returned-forwarding-phone-number": EndReason.TRANSFER,
        "assistant-not-found": EndReason.AGENT_ERROR,
        "assistant-not-valid": EndReason.AGENT_ERROR,
        "assistant-join-timed-out": EndReason.NOT_CONNECTED,
        "call-deleted": EndReason.CANCELED,
        "call.ringing.sip-inbound-caller-hungup-before-call-connect": EndReason.NO_ANSWER,
        "call.in-progress.error-assistant-did-not-receive-customer-audio": EndReason.CONNECTION_LOST,
        "call.in-progress.twilio-completed-call": EndReason.OTHER,  # the side is not documented
        "call.in-progress.sip-completed-call": EndReason.OTHER,
        "call.forwarding.operator-busy": EndReason.OTHER,  # the call itself was answered
        "call.forwarding.no-answer": EndReason.OTHER,
        "call.start.assistant-version-error-validation": EndReason.ERROR,
        "call.start.squad-version-error-validation": EndReason.ERROR,
        "customer-busy": EndReason.BUSY,
        "customer-did-not-answer": EndReason.NO_ANSWER,
        "customer-did-not-give-microphone-permission": EndReason.NOT_CONNECTED,
        "exceeded-max-duration": EndReason.MAX_DURATION,
        "hangup": EndReason.OTHER,  # in a published example only; its owner is not documented
        "manually-canceled": EndReason.CANCELED,
        "scheduled-call-deleted": EndReason.CANCELED,
        "phone-call-provider-bypass-enabled-but-no-call-received": EndReason.NOT_CONNECTED,
        "phone-call-provider-closed-websocket": EndReason.CONNECTION_LOST,
        "silence-timed-out": EndReason.INACTIVITY,
        "sip-outbound-carrier-released-call": EndReason.OTHER,
        "sip-outbound-unallocated-number": EndReason.INVALID_NUMBER,
        "twilio-reported-customer-misdialed": EndReason.INVALID_NUMBER,
        "voicemail": EndReason.VOICEMAIL,
        "vonage-completed": EndReason.OTHER,
        "vonage-disconnected": EndReason.CONNECTION_LOST,
        "vonage-rejected": EndReason.DECLINED,
        "worker-shutdown": EndReason.AGENT_ERROR,
    },
    otherwise=None,
    spelling=_kebab,
)
"""Reasons of which the whole word counts."""

FAMILIES = {
    "customer-ended-call": EndReason.USER_HANGUP,
    "assistant-request-": EndReason.AGENT_ERROR,
    "pipeline-error-": EndReason.AGENT_ERROR,
    "pipeline-no-available-": EndReason.AGENT_ERROR,
    "call-start-error-": EndReason.ERROR,
    "call.start.error-": EndReason.ERROR,
    "call.start.error-subscription-": EndReason.NO_CREDIT,
    "call.start.error-subscription-concurrency-": EndReason.CONCURRENCY_LIMIT,
    "call.start.error-vapi-number-": EndReason.BLOCKED,
    "call.start.error-enterprise-feature-": EndReason.BLOCKED,
    "call.start.error-fraud-check-": EndReason.BLOCKED,
    "call.ringing.error-": EndReason.ERROR,
    "call.ringing.error-sip-": EndReason.CARRIER_ERROR,
    "call.in-progress.error-": EndReason.AGENT_ERROR,
    "call.in-progress.error-sip-": EndReason.CARRIER_ERROR,
    "call.in-progress.error-providerfault-outbound-sip-": EndReason.CARRIER_ERROR,
    "call.in-progress.error-providerfault-transport-": EndReason.NOT_CONNECTED,
    "call.in-progress.error-vapifault-transport-": EndReason.NOT_CONNECTED,
    "call.in-progress.error-vapifault-call-started-but-connection-": EndReason.NOT_CONNECTED,
    "call.in-progress.error-transfer-": EndReason.ERROR,
    "call.in-progress.error-warm-transfer-": EndReason.ERROR,
    "phone-call-provider-": EndReason.CARRIER_ERROR,
}
"""Families of reasons by how they begin, most of them `…-<provider>-<failure>`; the longest one counts."""

END_REASONS_BY_SUFFIX = {
    ".hook-executed-say": EndReason.AGENT_HANGUP,
    ".hook-executed-transfer": EndReason.TRANSFER,
    "-failed-to-connect-call": EndReason.CARRIER_ERROR,
    "-llm-failed": EndReason.AGENT_ERROR,
    "-voice-failed": EndReason.AGENT_ERROR,
    "-transcriber-failed": EndReason.AGENT_ERROR,
}
"""Families of reasons by how they end, for one that begins like none."""


def end_reason(word: str) -> EndReason | None:
    """Why a call ended: by the whole word, else by its family; `None` for a word of no family."""
    if ENDED_REASON.knows(word):
        return ENDED_REASON.read(word)
    spelled = _kebab(word)
    longest = max((start for start in FAMILIES if spelled.startswith(start)), key=len, default=None)
    if longest is not None:
        return FAMILIES[longest]
    return next((reason for end, reason in END_REASONS_BY_SUFFIX.items() if spelled.endswith(end)), None)


# -- fields ---------------------------------------------------------------

END_OF_CALL_FIELDS = (
    *("status", "endedReason", "endedMessage", "endedAt", "cost", "costs", "costBreakdown", "analysis"),
    *("summary", "transcript", "recordingUrl", "stereoRecordingUrl", "messages", "durationMs"),
    *("durationSeconds", "durationMinutes", "successEvaluation", "destination", "updatedAt"),
)
"""Fields of the call inside a message that are old unless that call is over."""

OVER = "ended"

IN_MESSAGE = (
    *("startedAt", "artifact", "customer", "phoneNumber", "assistant", "compliance", "campaignId"),
    *END_OF_CALL_FIELDS,
)
"""Fields of a report or an update that describe its call."""

READ = (
    *(
        "id",
        "type",
        "createdAt",
        "updatedAt",
        "startedAt",
        "endedAt",
        "status",
        "endedReason",
        "endedMessage",
    ),
    *("customer", "customerId", "phoneNumber", "phoneCallProviderId", "phoneCallTransport", "transport"),
    *("assistant", "assistantId", "assistantOverrides", "campaignId", "schedulePlan", "metadata"),
    *("cost", "costs", "analysis", "artifact", "messages", "transcript", "summary", "recordingUrl"),
    *("stereoRecordingUrl", "durationMs", "durationSeconds"),
)
LEFT_OUT = (
    *("squad", "squadOverrides", "workflow", "workflowOverrides", "monitor", "artifactPlan", "toolCalls"),
    *("artifactUpload", "webCallUrl", "webCallSipUri", "webCallToken"),
)
"""Settings and addresses that give access to a call."""
STORED_FIELDS = (
    *("orgId", "phoneNumberId", "squadId", "workflowId", "assistantVersion", "squadVersion", "name"),
    *(
        "phoneCallProvider",
        "costBreakdown",
        "destination",
        "compliance",
        "durationMinutes",
        "subscriptionLimits",
    ),
    *("successEvaluation", "phoneCallProviderBypassEnabled", "phoneCallProviderDetails", "provider"),
    *("schedulingOptions", "parentCallId", "sessionId", "chatId", "externalId"),
)

IN_ANY_MESSAGE = (
    *("type", "call", "chat", "timestamp", "artifact", "assistant", "customer", "phoneNumber"),
    *("assistantVersion", "messagesOpenAIFormatted", "inboundPhoneCallDebuggingArtifacts", "role", "status"),
    *("transcriptType", "isFiltered", "detectedThreats", "originalTranscript", "confidence"),
    *(
        "confidenceSource",
        "assistantId",
        "assistantName",
        "turn",
        "turnId",
        "output",
        "text",
        "source",
        "timing",
    ),
    *(
        "toAssistant",
        "fromAssistant",
        "toStepRecord",
        "fromStepRecord",
        "language",
        "input",
        "request",
        "results",
    ),
    *("conversation", "costs", "metadata", "nodes", "variables", "variableValues", "performanceMetrics"),
    *IN_MESSAGE,
)
