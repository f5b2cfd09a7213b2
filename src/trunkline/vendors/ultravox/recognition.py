"""Ultravox' saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.ultravox.words import READ, STORED_FIELDS

SAVED = SavedAnswers(
    ids=frozenset({"callId"}),
    fields=frozenset({*READ, *STORED_FIELDS}),
    distinctive=frozenset(
        {
            *("callId", "created", "joined", "ended", "endReason", "joinUrl", "medium", "clientVersion"),
            *("billedDuration", "billingStatus", "shortSummary", "joinTimeout", "maxDuration"),
            *("firstSpeaker", "firstSpeakerSettings", "inactivityMessages", "initialOutputMedium"),
            *("languageHint", "systemPrompt", "recordingEnabled", "sipDetails", "vadSettings"),
        }
    ),
    lists=((), ("results",)),
    envelope=frozenset({"next", "previous", "total"}),
)
