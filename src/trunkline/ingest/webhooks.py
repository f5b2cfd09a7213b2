"""Webhooks: a delivery is verified, read by its source's door, and stored with its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from urllib.parse import urlsplit

import structlog
from msgspec import Struct

from trunkline.ingest.content_encoding import content_of
from trunkline.kit.auth import Headers
from trunkline.kit.door import FORM, AnswerExpected, Door, ParsedDelivery, document_of, whole
from trunkline.kit.json_reader import problems_of_part
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import Delivery, InvalidSignature
from trunkline.kit.storable import pruned, storable, within
from trunkline.model.field_problems import FieldProblems
from trunkline.model.sighting import Sighting
from trunkline.service.clock import Clock
from trunkline.service.group_commit import GroupCommit
from trunkline.service.received import HOOK, Provenance, Received, encoded
from trunkline.service.sources import Source, Sources
from trunkline.service.threads import INLINE_BYTES, WorkThreads

log = structlog.get_logger(__name__)


class Refusal(Enum):
    """Why a delivery is refused, with its HTTP status."""

    NO_SUCH_SOURCE = 404
    DISABLED = 410
    WRONG_METHOD = 405
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
        self,
        sources: Sources,
        doors: Mapping[str, Door],
        group_commit: GroupCommit,
        clock: Clock,
        threads: WorkThreads | None = None,
    ) -> None:
        self._threads = threads or WorkThreads()
        self._sources = sources
        self._doors = doors
        self._group_commit = group_commit
        self._clock = clock

    async def source_at(self, address: str, headers: Headers, method: str = "POST") -> Source:
        """The source that a delivery with these headers is for, before its body is read.

        Raises `DeliveryRefused` where no body could make the delivery good, and `Refused` with `UNAVAILABLE`
        if too many unknown addresses are being tried.
        """
        source = await self._source(address)
        door = self._doors[source.vendor]
        if method == "GET" and not door.by_get:
            raise DeliveryRefused(Refusal.WRONG_METHOD, f"{door.title} sends its webhooks by POST")
        with _refused_unless_genuine(source):
            door.signature.check_headers(headers, source.secrets, self._clock())
        return source

    async def check_address(self, address: str) -> None:
        """Return if deliveries to an address are taken, for senders that ask first; raises as above."""
        await self._source(address)

    async def _source(self, address: str) -> Source:
        source = await self._sources.at(address)
        if source is None:
            raise DeliveryRefused(Refusal.NO_SUCH_SOURCE, "no source has this address")
        if source.disabled_at is not None:
            raise DeliveryRefused(Refusal.DISABLED, "this source is disabled")
        return source

    async def ingest(self, source: Source, delivery: Delivery) -> Receipt:
        """Store a delivery; when this returns, it is committed. Raises `DeliveryRefused`."""
        door = self._doors[source.vendor]
        is_get = delivery.method == "GET"
        content_type = FORM if is_get else delivery.headers.get("content-type", "application/json")[:200]
        is_small = len(delivery.body) <= INLINE_BYTES and not delivery.headers.get("content-encoding")
        with _refused_unless_genuine(source):
            if is_small:
                door.signature.check(delivery, source.secrets, self._clock())
            else:
                await self._threads.run(
                    source.org.id, door.signature.check, delivery, source.secrets, self._clock()
                )
        parts = (
            self._parts(door, source, delivery, content_type)
            if is_small
            else await self._threads.run(source.org.id, self._parts, door, source, delivery, content_type)
        )
        received = [one for part in parts for one in _received(source, part)]
        await self._group_commit.ingest(source.org, received)
        unknown = list(dict.fromkeys(word for part in parts for word in part.parsed.unknown))
        if unknown:
            log.info("unknown words", org=source.org.name, vendor=source.vendor, unknown=unknown[:20])
        notes = [part.problem or part.parsed.note or _left_out(part.parsed) for part in parts]
        return Receipt(
            received=True,
            event=parts[0].parsed.event,
            calls=sum(len(part.parsed.sightings) for part in parts),
            note=next(filter(None, notes), ""),
        )

    def _parts(self, door: Door, source: Source, delivery: Delivery, content_type: str) -> list[_Part]:
        """A delivery as one for each call, read, or with what is wrong with it; it is stored either way."""
        parts = []
        try:
            # A signature is over the bytes as they came; what is read and stored is what they hold.
            body = (
                urlsplit(delivery.url).query.encode("latin-1")
                if delivery.method == "GET"
                else content_of(delivery.body, delivery.headers.get("content-encoding", ""))
            )
        except Unreadable as error:
            log.warning("delivery unreadable", org=source.org.name, source=source.id, reason=str(error))
            encoding = delivery.headers.get("content-encoding", "")[:200]
            return [_Part(delivery.body, content_type, ParsedDelivery(event=""), str(error)[:500], encoding)]
        problems: FieldProblems = {}
        for one, form in split_delivery(door, body, content_type, problems):
            try:
                own = problems_of_part(one, problems) if problems else problems
                parsed, problem = parse_delivery(door, one, form, own), None
            except AnswerExpected as error:
                raise DeliveryRefused(Refusal.ANSWER_EXPECTED, str(error)) from None
            except Unreadable as error:
                log.warning("delivery unreadable", org=source.org.name, source=source.id, reason=str(error))
                parsed, problem = ParsedDelivery(event=""), str(error)[:500]
            if len({(seen.vendor, seen.vendor_call_id) for seen in parsed.sightings}) > 1:
                log.warning("delivery of several calls is stored whole with each", vendor=source.vendor)
            parts.append(_Part(one, form, parsed, problem))
        return parts


class _Part(Struct):
    """The part of a delivery about one call, or all of it."""

    body: bytes
    content_type: str
    parsed: ParsedDelivery
    problem: str | None
    """Why it cannot be read."""
    content_encoding: str = ""
    """The header, if the content could not be unpacked."""


def _left_out(parsed: ParsedDelivery) -> str:
    """A sentence about the values that could not be read as documented."""
    problems = {path: one for sighting in parsed.sightings for path, one in (sighting.problems or {}).items()}
    for path, problem in problems.items():
        more = f"; {len(problems) - 1} more" if len(problems) > 1 else ""
        made = f"read as {problem.read_as}" if problem.read_as else "left out"
        return f"{path}: expected {problem.expected}, found {problem.found}, {made}{more}"
    return ""


def _received(source: Source, part: _Part) -> list[Received]:
    provenance = Provenance(
        vendor=source.vendor,
        kind=HOOK,
        content_type=part.content_type,
        source=source.label or source.vendor,
        source_id=source.id,
        event=part.parsed.event[:200],
        unknown=tuple(part.parsed.unknown[:100]),
        problem=part.problem,
        note=part.parsed.note,
        content_encoding=part.content_encoding,
    )
    sightings: list[Sighting | None] = [*part.parsed.sightings] or [None]
    return [Received(sighting, part.body, provenance) for sighting in sightings]


def split_delivery(
    door: Door, body: bytes, content_type: str, problems: FieldProblems | None = None
) -> list[tuple[bytes, str]]:
    """A payload as one for each of its calls, with their content types.

    A payload with one call, or one that cannot be read, stays as it came, byte for byte. What had to be
    put right in one that was taken apart is added to `problems`.
    """
    if door.split is whole:
        return [(body, content_type)]
    found: FieldProblems = {}
    try:
        document = document_of(body, content_type, found)
    except Unreadable:
        return [(body, content_type)]
    parts = door.split(document)
    if len(parts) < 2:
        return [(body, content_type)]
    if problems is not None:
        problems.update(found)
    return [(encoded(part), "application/json") for part in parts]


@contextmanager
def _refused_unless_genuine(source: Source) -> Iterator[None]:
    try:
        yield
    except InvalidSignature as error:
        log.warning("delivery refused", org=source.org.name, source=source.id, reason=str(error))
        raise DeliveryRefused(Refusal.INVALID_SIGNATURE, str(error)) from None


def parse_delivery(
    door: Door, body: bytes, content_type: str, problems: FieldProblems | None = None
) -> ParsedDelivery:
    """Read a payload by a door; raises `Unreadable` if it names no call, and `AnswerExpected`.

    `problems` are those of the delivery that it is a part of.
    """
    problems = dict(problems or {})
    document = pruned(document_of(body, content_type, problems), problems)
    parsed = door.parse_delivery(document)
    for sighting in parsed.sightings:
        within(storable(sighting), problems)
    return parsed
