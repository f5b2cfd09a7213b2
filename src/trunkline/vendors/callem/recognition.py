"""Callem's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.callem.wire import WireCall

SAVED = SavedAnswers(
    ids=frozenset({"id"}),
    fields=frozenset(field.encode_name for field in structs.fields(WireCall)),
    distinctive=frozenset({"callerNumber", "calledNumber", "isEngaged", "callAnalysis", "evaluation"}),
    ones=((), ("data",)),
    lists=((), ("data",)),
    envelope=frozenset({"pagination"}),
)
