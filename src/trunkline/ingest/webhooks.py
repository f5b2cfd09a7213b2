"""Webhooks: a delivery is proved to be its source's, read by its door, and kept with what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

import structlog
from msgspec import Struct

from trunkline.kit.auth import Headers
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
    """A delivery is refused; nothing of it was kept."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail


class Receipt(Struct, omit_defaults=True):
    """What a vendor is told of a delivery that was kept."""

    received: bool
    event: str = ""
    calls: int = 0
    """How many calls it spoke of."""
    note: str = ""
    """Why it spoke of none, or what of it could not be read."""


class Webhooks:
    """Takes deliveries from all sources."""

    def __init__(
        self, sources: Sources, doors: Mapping[str, Door], group_commit: GroupCommit, clock: Clock
    ) -> None:
        self._sources = sources
        self._doors = doors
        self._group_commit = group_commit
        self._clock = clock

    async def source_at(self, address: str, headers: Headers) -> Source:
        """The source that a delivery with these headers is for, before its body is read.

        Raises `DeliveryRefused` where no body could make the delivery good, and `Refused` with `UNAVAILABLE`
        if too many unknown addresses are being tried.
        """
        source = await self._sources.at(address)
        if source is None:
            raise DeliveryRefused(Refusal.NO_SUCH_SOURCE, "no source has this address")
        if source.disabled_at is not None:
            raise DeliveryRefused(Refusal.DISABLED, "this source takes nothing more")
        with _refused_unless_genuine(source):
            self._doors[source.vendor].signature.check_headers(headers, source.secrets, self._clock())
        return source

    async def ingest(self, source: Source, delivery: Delivery) -> Receipt:
        """Take a delivery in; when this returns, it is committed. Raises `DeliveryRefused`."""
        door = self._doors[source.vendor]
        with _refused_unless_genuine(source):
            door.signature.check(delivery, source.secrets, self._clock())
        content_type = delivery.headers.get("content-type", "application/json")[:200]
        heard, problem = self._parse(door, source, delivery.body, content_type)
        origin = Provenance(
            vendor=source.vendor,
            kind=HOOK,
            content_type=content_type,
            source=source.label or source.vendor,
            source_id=source.id,
            event=heard.event[:200],
            unknown=tuple(heard.unknown[:100]),
            problem=problem,
        )
        sightings: list[Sighting | None] = [*heard.sightings] or [None]
        await self._group_commit.ingest(
            source.org, [Received(sighting, delivery.body, origin) for sighting in sightings]
        )
        if heard.unknown:
            log.info("words not known", org=source.org.name, vendor=source.vendor, unknown=heard.unknown[:20])
        return Receipt(
            received=True,
            event=heard.event,
            calls=len(heard.sightings),
            note=heard.note if problem is None else problem,
        )

    def _parse(
        self, door: Door, source: Source, body: bytes, content_type: str
    ) -> tuple[ParsedDelivery, str | None]:
        """What a delivery says, or what is wrong with it; it is kept either way."""
        try:
            return parse_delivery(door, body, content_type), None
        except AnswerExpected as error:
            raise DeliveryRefused(Refusal.ANSWER_EXPECTED, str(error)) from None
        except Unreadable as error:
            log.warning("delivery unreadable", org=source.org.name, source=source.id, reason=str(error))
            return ParsedDelivery(event=""), str(error)[:500]


@contextmanager
def _refused_unless_genuine(source: Source) -> Iterator[None]:
    try:
        yield
    except InvalidSignature as error:
        log.warning("delivery refused", org=source.org.name, source=source.id, reason=str(error))
        raise DeliveryRefused(Refusal.INVALID_SIGNATURE, str(error)) from None


def parse_delivery(door: Door, body: bytes, content_type: str) -> ParsedDelivery:
    """Read a payload by a door; raises `Unreadable`, also for what cannot be stored, and `AnswerExpected`."""
    document = document_of(body, content_type)
    if deeper_than(MAX_DEPTH, document):
        raise Unreadable("payload", f"is nested deeper than {MAX_DEPTH} levels")
    heard = door.parse_delivery(document)
    for sighting in heard.sightings:
        checked(sighting)
    return heard
