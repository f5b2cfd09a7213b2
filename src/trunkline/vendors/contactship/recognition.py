"""ContactShip's saved answers: how its calls are recognised in a file."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.contactship.wire import WireCall


def history(document: Any) -> list[Any] | None:
    """The calls of a contact's history, which names the contact once for all."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("history"), dict):
        return None
    calls, contact = data["history"].get("calls"), data.get("contact")
    found = calls if isinstance(calls, list) else []
    if not isinstance(contact, dict):
        return found
    return [{"contact": contact, **call} if isinstance(call, dict) else call for call in found]


SAVED = SavedAnswers(
    ids=frozenset({"id"}),
    fields=frozenset(field.encode_name for field in structs.fields(WireCall)),
    distinctive=frozenset(
        {
            *("call_record", "call_result", "finished_at", "start_at", "chat_history"),
            *("chat_history_with_tools", "transcript_format"),
        }
    ),
    ones=((), ("data",)),
    lists=((), ("data",)),
    envelope=frozenset({"count"}),
    unpack=history,
)
