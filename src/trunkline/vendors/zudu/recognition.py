"""Zudu's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.zudu.wire import WireCall

SAVED = SavedAnswers(
    ids=frozenset({"call_id"}),
    fields=frozenset(field.encode_name for field in structs.fields(WireCall)),
    distinctive=frozenset({"organization_id", "call_duration"}),
    ones=((), ("data",), ("data", "call")),
    lists=((), ("data", "calls")),
    envelope=frozenset({"pagination"}),
)
