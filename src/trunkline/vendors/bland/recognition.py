"""Bland's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.bland.words import READ, STORED_FIELDS

SAVED = SavedAnswers(
    ids=frozenset({"call_id", "c_id"}),
    fields=frozenset({*READ, *STORED_FIELDS}),
    distinctive=frozenset(
        {
            *("c_id", "inbound", "queue_status", "completed", "call_ended_by", "corrected_duration"),
            *(
                "call_length",
                "batch_id",
                "pathway_id",
                "persona_id",
                "transcripts",
                "concatenated_transcript",
            ),
            *("record", "variables", "end_at", "request_data", "endpoint_url", "max_duration"),
            *("local_dialing", "pathway_logs", "pathway_tags", "analysis_schema", "disposition_tag"),
            *("pathway_version", "transferred_to", "warm_transfer_calls", "corrected_at"),
        }
    ),
    lists=((), ("calls",)),
    envelope=frozenset({"count", "total_count"}),
)
