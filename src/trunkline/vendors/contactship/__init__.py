"""ContactShip: its API, served; its calls, received."""

from trunkline.vendors.contactship.api import DIALECT
from trunkline.vendors.contactship.recognition import SAVED
from trunkline.vendors.contactship.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
