"""Trunkline, our own API: its API, served; its calls, received."""

from trunkline.vendors.trunkline.api import DIALECT
from trunkline.vendors.trunkline.recognition import SAVED
from trunkline.vendors.trunkline.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
