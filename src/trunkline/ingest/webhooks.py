"""Webhooks: a delivery is verified, read by its source's door, and stored with its calls."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import structlog
from msgspec import Struct

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery, document_of
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import Delivery, InvalidSignature
from trunkline.kit.storable import MAX_DEPTH, checked, deeper_than
from trunkline.model.sighting import Sighting
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.intake import HOOK, Provenance, Received
from trunkline.service.sources import Source, Sources

log = structlog.get_logger(__name__)


class Refusal(Enum):
    """Why a delivery is refused, with its HTTP status."""

    NO_SUCH_SOURCE = 404
    DISABLED = 410
    INVALID_SIGNATURE = 401
    ANSWER_EXPECTED = 501


class DeliveryRefused(Exception):
    """A delivery is refused; nothing of it was stored."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail


class Receipt(Struct, omit_defaults=True):
    """The answer to a delivery that was stored."""

    received: bool
    event: str = ""
    calls: int = 0
    """How many calls it contained."""
    note: str = ""
    """Why it contained none, or what could not be read."""


class Webhooks:
    """Receives deliveries from all sources."""

    def __init__(
        self, sources: Sources, doors: Mapping[str, Door], group_commit: GroupCommit, clock: Clock
    ) -> None:
        self._sources = sources
        self._doors = doors
        self._group_commit = group_commit
        self._clock = clock

    async def ingest(self, address: str, delivery: Delivery) -> Receipt:
        """Store a delivery; when this returns, it is committed. Raises `DeliveryRefused`."""
        source = await self._sources.at(address)
        if source is None:
            raise DeliveryRefused(Refusal.NO_SUCH_SOURCE, "no source has this address")
        if source.disabled_at is not None:
            raise DeliveryRefused(Refusal.DISABLED, "this source is disabled")
        door = self._doors[source.vendor]
        try:
            door.signature.check(delivery, source.secrets, self._clock())
        except InvalidSignature as error:
            log.warning("delivery refused", org=source.org.name, source=source.id, reason=str(error))
            raise DeliveryRefused(Refusal.INVALID_SIGNATURE, str(error)) from None
        content_type = delivery.headers.get("content-type", "application/json")[:200]
        parsed, problem = self._parse(door, source, delivery.body, content_type)
        origin = Provenance(
            vendor=source.vendor,
            kind=HOOK,
            content_type=content_type,
            source=source.label or source.vendor,
            source_id=source.id,
            event=parsed.event[:200],
            unknown=tuple(parsed.unknown[:100]),
            problem=problem,
        )
        sightings: list[Sighting | None] = [*parsed.sightings] or [None]
        await self._group_commit.ingest(
            source.org, [Received(sighting, delivery.body, origin) for sighting in sightings]
        )
        if parsed.unknown:
            log.info("unknown words", org=source.org.name, vendor=source.vendor, unknown=parsed.unknown[:20])
        return Receipt(
            received=True,
            event=parsed.event,
            calls=len(parsed.sightings),
            note=parsed.note if problem is None else problem,
        )

    def _parse(
        self, door: Door, source: Source, body: bytes, content_type: str
    ) -> tuple[ParsedDelivery, str | None]:
        """The content of a delivery, or what is wrong with it; it is stored either way."""
        try:
            return parse_delivery(door, body, content_type), None
        except AnswerExpected as error:
            raise DeliveryRefused(Refusal.ANSWER_EXPECTED, str(error)) from None
        except Unreadable as error:
            log.warning("delivery unreadable", org=source.org.name, source=source.id, reason=str(error))
            return ParsedDelivery(event=""), str(error)[:500]


def parse_delivery(door: Door, body: bytes, content_type: str) -> ParsedDelivery:
    """Read a payload by a door; raises `Unreadable`, also for what cannot be stored, and `AnswerExpected`."""
    document = document_of(body, content_type)
    if deeper_than(MAX_DEPTH, document):
        raise Unreadable("payload", f"is nested deeper than {MAX_DEPTH} levels")
    parsed = door.parse_delivery(document)
    for sighting in parsed.sightings:
        checked(sighting)
    return parsed
