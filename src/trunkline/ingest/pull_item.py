"""One item of a vendor's list: read, or identified as well as possible."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from trunkline.kit.door import Door
from trunkline.kit.payload import Unreadable, or_none
from trunkline.kit.storable import MAX_DEPTH, checked, deeper_than
from trunkline.model.sighting import Sighting
from trunkline.service.received import encoded
from trunkline.store.pulls import ListedCall

_MAX_BAD_FIELDS = 5
_MAX_ID_LENGTH = 500


class PullItem(Struct, frozen=True):
    """One item of a list, as it was read."""

    raw: Any
    listed: ListedCall
    sighting: Sighting | None
    """`None` if it cannot be read."""
    line: PullItem | None = None
    """Its line in the list, if this is the whole call that was requested by itself."""


def item_in(door: Door, raw: Any) -> PullItem:
    """Read an item; one that cannot be read is identified by the rest of it without the fields at fault."""
    try:
        if deeper_than(MAX_DEPTH, raw):
            raise Unreadable("call", f"is nested deeper than {MAX_DEPTH} levels")
        sighting = checked(door.from_wire(raw))
    except Unreadable as error:
        rest = _rest(door, raw, error)
        if rest is not None:
            return PullItem(raw, structs.replace(_listed(rest), reason=str(error)[:500]), None)
        name = f"item {hashlib.sha256(encoded(raw)).hexdigest()[:12]}"
        return PullItem(raw, ListedCall(door.name, name, None, None, str(error)[:500]), None)
    return PullItem(raw, _listed(sighting), sighting)


def unreadable(item: PullItem, reason: str) -> PullItem:
    """An item whose whole call cannot be fetched."""
    return PullItem(item.raw, structs.replace(item.listed, reason=reason[:500]), None)


def _rest(door: Door, raw: Any, error: Unreadable) -> Sighting | None:
    for _ in range(_MAX_BAD_FIELDS):
        bad = re.split(r"[.\[]", error.path)[0]
        if not isinstance(raw, dict) or bad not in raw:
            return None
        raw = {name: value for name, value in raw.items() if name != bad}
        try:
            rest = door.from_wire(raw)
        except Unreadable as another:
            error = another
            continue
        name = rest.vendor + rest.vendor_call_id
        return rest if name.isprintable() and len(name) <= _MAX_ID_LENGTH else None
    return None


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
