"""ContactShip: its API, served; its calls, taken in."""

from trunkline.dialects.contactship.api import DIALECT
from trunkline.dialects.contactship.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
