"""One item of a vendor's list: read, or named as well as it can be."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from trunkline.kit.door import Door
from trunkline.kit.payload import Unreadable, told
from trunkline.kit.storable import DEEPEST, checked, deeper_than
from trunkline.model.sighting import Sighting
from trunkline.service.intake import encoded
from trunkline.store.pulls import Met

_MOST_BAD_FIELDS = 5
_LONGEST_ID = 500


class Item(Struct, frozen=True):
    """What one item of a list says."""

    raw: Any
    met: Met
    sighting: Sighting | None
    """`None` if it cannot be read."""
    line: Item | None = None
    """Its line in the list, if this is the whole call that was asked for by itself."""


def item_in(door: Door, raw: Any) -> Item:
    """Read an item; one that cannot be read is named by what is left of it without the fields at fault."""
    try:
        if deeper_than(DEEPEST, raw):
            raise Unreadable("call", f"is nested deeper than {DEEPEST} levels")
        sighting = checked(door.from_wire(raw))
    except Unreadable as error:
        rest = _rest(door, raw, error)
        if rest is not None:
            return Item(raw, structs.replace(_met(rest), reason=str(error)[:500]), None)
        name = f"item {hashlib.sha256(encoded(raw)).hexdigest()[:12]}"
        return Item(raw, Met(door.name, name, None, None, str(error)[:500]), None)
    return Item(raw, _met(sighting), sighting)


def unreadable(item: Item, reason: str) -> Item:
    """An item whose whole call cannot be had."""
    return Item(item.raw, structs.replace(item.met, reason=reason[:500]), None)


def _rest(door: Door, raw: Any, error: Unreadable) -> Sighting | None:
    for _ in range(_MOST_BAD_FIELDS):
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
        return rest if name.isprintable() and len(name) <= _LONGEST_ID else None
    return None


def _met(sighting: Sighting) -> Met:
    created_at = _instant(sighting.created_at)
    return Met(
        sighting.vendor,
        sighting.vendor_call_id,
        created_at,
        _instant(sighting.ended_at) or created_at,
    )


def _instant(value: datetime | UnsetType | None) -> datetime | None:
    return None if value is UNSET else told(value)
