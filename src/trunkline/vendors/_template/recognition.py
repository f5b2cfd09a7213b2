"""Examplia's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors._template.wire import WireCall

SAVED = SavedAnswers(
    # The fields of a call as its API prints it, on the first level alone.
    ids=frozenset({"id"}),
    fields=frozenset(field.encode_name for field in structs.fields(WireCall)),
    # Those that no other vendor's calls have; a test compares them with all others.
    distinctive=frozenset({"state", "seconds", "ended_by"}),
    # Where a list has its calls, and what stands beside them there.
    lists=((), ("calls",)),
    envelope=frozenset({"total"}),
)
