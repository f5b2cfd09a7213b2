"""One item of a vendor's list: read, or identified as well as possible."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from trunkline.kit.door import Door
from trunkline.kit.json_reader import problems_of_part
from trunkline.kit.payload import Unreadable, or_none
from trunkline.kit.storable import read_call
from trunkline.model.field_problems import FieldProblems
from trunkline.model.sighting import Sighting
from trunkline.service.received import encoded
from trunkline.store.pulls import ListedCall


class PullItem(Struct, frozen=True):
    """One item of a list, as it was read."""

    raw: Any
    listed: ListedCall
    sighting: Sighting | None
    """`None` if it cannot be read."""
    line: PullItem | None = None
    """Its line in the list, if this is the whole call that was requested by itself."""
    is_fetched: bool = True
    """False if the whole call could not be fetched: there is nothing to read, and the next pull requests it
    again."""


def item_in(door: Door, raw: Any, problems: FieldProblems | None = None) -> PullItem:
    """Read an item; one that does not say which call it is gets a name of its content.

    `problems` are those of the answer around it.
    """
    try:
        own = problems_of_part(encoded(raw), problems) if problems else None
        sighting = read_call(door.from_wire, raw, own)
    except Unreadable as error:
        name = f"item {hashlib.sha256(encoded(raw)).hexdigest()[:12]}"
        return PullItem(raw, ListedCall(door.name, name, None, None, str(error)[:500]), None)
    return PullItem(raw, _listed(sighting), sighting)


def unfetched(item: PullItem, reason: str) -> PullItem:
    """An item whose whole call cannot be fetched."""
    listed = structs.replace(item.listed, reason=reason[:500])
    return PullItem(item.raw, listed, None, is_fetched=False)


def unreadable(item: PullItem, whole: PullItem) -> PullItem:
    """An item whose whole call was fetched and cannot be read."""
    return PullItem(whole.raw, structs.replace(item.listed, reason=whole.listed.reason), None)


def _listed(sighting: Sighting) -> ListedCall:
    created_at = _instant(sighting.created_at)
    return ListedCall(
        sighting.vendor,
        sighting.vendor_call_id,
        created_at,
        _instant(sighting.ended_at) or created_at,
    )


def _instant(value: datetime | UnsetType | None) -> datetime | None:
    return None if value is UNSET else or_none(value)
