"""ContactShip: its API, served; its calls, taken in."""

from trunkline.vendors.contactship.api import DIALECT
from trunkline.vendors.contactship.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
