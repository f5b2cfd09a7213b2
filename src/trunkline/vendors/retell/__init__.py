"""Retell: its calls, received."""

from trunkline.vendors.retell.recognition import SAVED
from trunkline.vendors.retell.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
