"""ElevenLabs' saved answers: how its conversations are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.elevenlabs.words import CONVERSATION, STORED_FIELDS, SUMMARY

SAVED = SavedAnswers(
    ids=frozenset({"conversation_id"}),
    fields=CONVERSATION | SUMMARY | {*STORED_FIELDS},
    distinctive=frozenset(
        {
            *("conversation_id", "start_time_unix_secs", "call_duration_secs", "transcript_summary"),
            *("call_successful", "conversation_initiation_client_data", "has_audio", "termination_reason"),
            *STORED_FIELDS,
        }
    ),
    lists=((), ("conversations",)),
    envelope=frozenset({"has_more", "next_cursor"}),
)
