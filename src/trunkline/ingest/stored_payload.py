"""Stored payloads, read again by the door that they came through, whatever call they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import structs

from trunkline.ingest.content_encoding import content_of
from trunkline.ingest.file_reader import Reader, Rejected
from trunkline.ingest.payload_reader import SavedForm, file_forms
from trunkline.ingest.webhooks import parse_delivery, split_delivery
from trunkline.kit.dialect import Dialect
from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.json_reader import problems_of_part, read_json
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import read_call
from trunkline.model.field_problems import FieldProblems
from trunkline.model.inbox import InboxContent
from trunkline.model.sighting import Sighting
from trunkline.service.received import (
    HOOK,
    LINE,
    OWN,
    RECORDING,
    STATEMENT,
    Arrivals,
    Provenance,
    Received,
)
from trunkline.vendors import dialects, doors


class StoredPayloadReader:
    """Reads stored payloads with the readers of today."""

    def __init__(
        self, dialects: Mapping[str, Dialect], doors: Mapping[str, Door], files: Mapping[str, SavedForm]
    ) -> None:
        self._readers: dict[str, Dialect | Door] = {**dialects, **doors}
        self._doors = doors
        self._files = files
        self._own = next(dialect for dialect in dialects.values() if dialect.is_lossless)

    def sightings(
        self, vendor: str, form: str | None, kind: str, body: bytes, content_type: str
    ) -> list[Sighting]:
        """What a payload of a call of some vendor states; `form` is the vendor whose form it has, if known.

        Raises `Unreadable` and `AnswerExpected`.
        """
        if kind == HOOK:
            return parse_delivery(self._door(form or vendor), body, content_type).sightings
        if kind in (RECORDING, STATEMENT):
            return [msgspec.json.decode(body, type=Sighting)]
        if kind == OWN or form == self._own.name:
            return [_read(self._own, body)]
        if form is not None:
            return [_read(self._reader(form), body)]
        return [self._read_either(vendor, body)]

    def _read_either(self, vendor: str, body: bytes) -> Sighting:
        """Read a payload that came before its form was noted: in its call's vendor's form, or in our own."""
        reader = self._readers.get(vendor)
        if reader is None:
            return _read(self._own, body)
        try:
            return _read(reader, body)
        except Unreadable as error:
            try:
                return _read(self._own, body)
            except Unreadable:
                raise error from None

    def read_again(self, content: InboxContent) -> list[Received]:
        """What a payload of the inbox is today: its calls, and what in it still cannot be read."""
        entry = content.entry
        arrivals = Arrivals(entry.received_at, entry.last_received_at, entry.times)
        return [structs.replace(one, arrivals=arrivals) for one in self._read_again(content)]

    def _read_again(self, content: InboxContent) -> Iterable[Received]:
        entry = content.entry
        origin = Provenance(
            vendor=entry.vendor,
            kind=entry.kind,
            content_type=entry.content_type,
            source=entry.source,
            source_id=entry.source_id,
            event=entry.event,
            place=entry.place,
        )
        try:
            if entry.kind == HOOK:
                return self._deliveries(content, origin)
            if entry.kind == LINE:
                return self._line(content.body, origin)
            sightings = self.sightings(entry.vendor, entry.vendor, entry.kind, content.body, "")
            return [Received(sighting, content.body, origin) for sighting in sightings]
        except (Unreadable, AnswerExpected) as error:
            problem = structs.replace(origin, problem=str(error), content_encoding=content.content_encoding)
            return [Received(None, content.body, problem)]

    def _deliveries(self, content: InboxContent, origin: Provenance) -> list[Received]:
        door = self._door(content.entry.vendor)
        body = content_of(content.body, content.content_encoding)
        problems: FieldProblems = {}
        found: list[Received] = []
        for part, content_type in split_delivery(door, body, content.entry.content_type, problems):
            problem = None
            try:
                own = problems_of_part(part, problems) if problems else problems
                parsed = parse_delivery(door, part, content_type, own)
            except (Unreadable, AnswerExpected) as error:
                parsed, problem = ParsedDelivery(event=content.entry.event), str(error)
            read = structs.replace(
                origin,
                content_type=content_type,
                event=parsed.event[:200],
                unknown=tuple(parsed.unknown[:100]),
                problem=problem,
                note=parsed.note,
            )
            sightings: list[Sighting | None] = [*parsed.sightings] or [None]
            found += [Received(sighting, part, read) for sighting in sightings]
        return found

    def _line(self, body: bytes, origin: Provenance) -> list[Received]:
        found: list[Received] = []
        only = origin.vendor if origin.vendor in self._files else None
        for one in Reader(self._files, only).read_text(body):
            if not isinstance(one, Rejected):
                found.append(one)
            elif one.unread is not None:
                read = structs.replace(one.unread.provenance, place=origin.place)
                found.append(structs.replace(one.unread, provenance=read))
        return found or [Received(None, body, structs.replace(origin, note="it has no calls"))]

    def _door(self, name: str) -> Door:
        if name not in self._doors:
            raise Unreadable("payload", f"there is no vendor {name!r}")
        return self._doors[name]

    def _reader(self, name: str) -> Dialect | Door:
        if name not in self._readers:
            raise Unreadable("payload", f"there is no vendor {name!r}")
        return self._readers[name]


def stored_payload_reader() -> StoredPayloadReader:
    """The reader with every vendor's door."""
    return StoredPayloadReader(dialects(), doors(), file_forms())


def _read(reader: Dialect | Door, body: bytes) -> Sighting:
    problems: FieldProblems = {}
    document = read_json(body, problems)
    return read_call(reader.from_wire, document, problems)
