"""Error envelopes: a vendor's error body, with a text for every fault there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from trunkline.model.faults import Fault, Refused

EnvelopeOf = Callable[[int, str, Refused], Any]
"""From status, text and the refusal itself to the vendor's body."""


class ErrorEnvelope(Struct, frozen=True, kw_only=True):
    """How a vendor words a refusal.

    A text may hold `{detail}`. Building fails if a fault has no text, so that no vendor can forget one.
    """

    shape: type[Struct]
    body: EnvelopeOf
    texts: Mapping[Fault, str]
    statuses: Mapping[Fault, int] = {}
    """Statuses that differ from the usual ones."""
    media_type: str = "application/json"

    def __post_init__(self) -> None:
        missing = [fault.name for fault in Fault if fault not in self.texts]
        if missing:
            raise TypeError(f"no text for {', '.join(missing)}; add each to `texts`")

    def status(self, fault: Fault) -> int:
        """The HTTP status of a fault with this vendor."""
        return self.statuses.get(fault, fault.status)

    def answer(self, refused: Refused) -> tuple[int, Any]:
        """Status and body for a refusal."""
        status = self.status(refused.fault)
        text = self.texts[refused.fault].replace("{detail}", refused.detail or "invalid value")
        return status, self.body(status, text, refused)
