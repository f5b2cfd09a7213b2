"""Retell's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.retell.parse import READ, VARIABLES
from trunkline.vendors.retell.words import LEFT, STORED_FIELDS

SAVED = SavedAnswers(
    ids=frozenset({"call_id"}),
    fields=READ | {*STORED_FIELDS, *LEFT},
    distinctive=frozenset(
        {*STORED_FIELDS, *LEFT, *VARIABLES, "agent_version", "batch_call_id", "llm_token_usage"}
    ),
    not_calls=frozenset({"chat_id", "chat_status"}),
    lists=((), ("items",), ("calls",)),
    envelope=frozenset({"pagination_key"}),
)
