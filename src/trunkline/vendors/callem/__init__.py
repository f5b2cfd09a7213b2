"""Callem: its API, served; its calls, received."""

from trunkline.vendors.callem.api import DIALECT
from trunkline.vendors.callem.recognition import SAVED
from trunkline.vendors.callem.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
