"""Vapi's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.vapi.words import LEFT_OUT, READ, STORED_FIELDS

SAVED = SavedAnswers(
    ids=frozenset({"id"}),
    fields=frozenset({*READ, *STORED_FIELDS, *LEFT_OUT}),
    distinctive=frozenset(
        {
            *(
                "orgId",
                "assistantId",
                "assistant",
                "assistantOverrides",
                "customer",
                "customerId",
                "artifact",
            ),
            *(
                "phoneNumber",
                "phoneNumberId",
                "phoneCallProvider",
                "phoneCallProviderId",
                "phoneCallTransport",
            ),
            *("costs", "costBreakdown", "endedMessage", "stereoRecordingUrl", "recordingUrl", "webCallUrl"),
            *(
                "squad",
                "squadId",
                "workflow",
                "workflowId",
                "monitor",
                "artifactPlan",
                "startedAt",
                "endedAt",
            ),
        }
    ),
    # A chat, an assistant and a tool have an id and times of the same names.
    not_calls=frozenset({"input", "output", "voice", "model", "transcriber", "function"}),
    lists=((), ("results",)),
    envelope=frozenset({"metadata"}),
)
