"""Live events: what a running call tells of itself, folded into one sighting whatever order it came in."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.model.sighting import Sighting


def told_live(vendor: str, vendor_call_id: str, events: Sequence[bytes]) -> Sighting:
    """What all events of one call say together; repeats and order make no difference."""
    raise NotImplementedError
