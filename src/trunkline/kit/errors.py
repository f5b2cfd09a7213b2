"""Error envelopes: a vendor's error body, with a text for every fault there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from trunkline.model.faults import Fault, FaultClass, Refused

EnvelopeOf = Callable[[int, str, Refused], Any]
"""From status, text and the refusal itself to the vendor's body."""

Texts = Mapping[Fault | FaultClass, str]
"""A text for each class of faults, and for each fault that is worded otherwise than its class."""

USUAL_TEXTS: Texts = {
    Fault.SCOPE_MISSING: "This API key may not do that",
    Fault.OTHER_ORG: "This API key belongs to a different organization",
    Fault.NO_SUCH_ROUTE: "Not found",
    Fault.METHOD_NOT_ALLOWED: "Method not allowed",
    Fault.NOT_ACCEPTABLE: "Not acceptable",
    Fault.TOO_LARGE: "Request body too large",
    Fault.ADDRESS_TOO_LONG: "Request address too long",
    Fault.HEADERS_TOO_LARGE: "Request headers too large",
    Fault.TOO_SLOW: "Request body came too slowly",
    Fault.UNSUPPORTED_BODY: "Unsupported content type",
    Fault.CONFLICT: "A request with this key is still running",
    Fault.UNPROCESSABLE: "{detail}",
    Fault.UNSUPPORTED: "{detail}",
    Fault.INTERNAL: "Internal server error",
    Fault.UNAVAILABLE: "Service unavailable",
}
"""Texts for faults of the server rather than of a vendor's API, which no vendor documents."""


def worded(texts: Texts, usual: Texts, *, what: str) -> dict[Fault, str]:
    """The text of every fault: its own, else its class's, else the usual one.

    Raises `TypeError` for what has none, in a sentence that names it.
    """
    found: dict[Fault, str] = {}
    missing: dict[FaultClass, list[str]] = {}
    for fault in Fault:
        text = _text(fault, texts, usual)
        if text is None:
            missing.setdefault(fault.fault_class, []).append(fault.name)
        else:
            found[fault] = text
    if missing:
        listed = "; ".join(f"{each.name} ({', '.join(names)})" for each, names in missing.items())
        raise TypeError(f"no text for {listed}; add one for the class, or one for each, to {what}")
    return found


def _text(fault: Fault, texts: Texts, usual: Texts) -> str | None:
    return texts.get(fault, texts.get(fault.fault_class, usual.get(fault)))


class ErrorEnvelope(Struct, frozen=True, kw_only=True):
    """How a vendor words a refusal.

    A text may contain `{detail}`. Building fails if a fault has no text, so that no vendor can forget one.
    """

    shape: type[Struct]
    body: EnvelopeOf
    texts: Texts
    """What differs from the usual texts, by class and by fault."""
    statuses: Mapping[Fault, int] = {}
    """Statuses that differ from the usual ones."""
    media_type: str = "application/json"

    def __post_init__(self) -> None:
        worded(self.texts, USUAL_TEXTS, what="`texts`")

    def status(self, fault: Fault) -> int:
        """The HTTP status of a fault with this vendor."""
        return self.statuses.get(fault, fault.status)

    def text(self, fault: Fault) -> str:
        """The text of a fault with this vendor."""
        return _text(fault, self.texts, USUAL_TEXTS) or ""

    def answer(self, refused: Refused) -> tuple[int, Any]:
        """Status and body for a refusal."""
        status = self.status(refused.fault)
        text = self.text(refused.fault).replace("{detail}", refused.detail or "invalid value")
        return status, self.body(status, text, refused)
