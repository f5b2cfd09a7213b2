"""One call of a payload, whichever door it came in by: read with its dialect, and checked to be storable."""

from __future__ import annotations

from typing import Any

from trunkline.kit.dialect import Dialect
from trunkline.kit.storable import checked
from trunkline.service.intake import Seen, encoded


def seen_in(dialect: Dialect, item: Any) -> Seen:
    """Read one call of a payload; raises `Unreadable`, also for what cannot be stored."""
    sighting = checked(dialect.from_wire(item))
    return Seen(sighting, None if dialect.keeps_everything else encoded(item))
