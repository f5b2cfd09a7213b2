"""Butter's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.butter.wire import WireCall, WireSummary

SAVED = SavedAnswers(
    ids=frozenset({"call_sid"}),
    fields=frozenset(field.encode_name for wire in (WireCall, WireSummary) for field in structs.fields(wire)),
    distinctive=frozenset(
        {
            *("client_id", "agent_config", "recording_enabled", "duration_seconds"),
            *("total_cost", "cost_breakdown"),
        }
    ),
    ones=((), ("data",)),
    lists=((), ("data",)),
    envelope=frozenset({"success"}),
)
