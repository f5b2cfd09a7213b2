"""Saved answers of our own API, and calls in our own form: how they are recognised in a file."""

from __future__ import annotations

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.model.sighting import Sighting

SAVED = SavedAnswers(
    ids=frozenset({"vendor_call_id", "id"}),
    fields=frozenset(field.name for field in structs.fields(Sighting)),
    distinctive=frozenset({"vendor", "vendor_call_id", "vendor_words", "vendor_fields", "end_reason_raw"}),
    lists=((), ("calls",)),
    envelope=frozenset({"next_page_token"}),
)
