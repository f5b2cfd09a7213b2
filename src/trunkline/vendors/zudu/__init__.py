"""Zudu: its API, served; its calls, received."""

from trunkline.vendors.zudu.api import DIALECT
from trunkline.vendors.zudu.recognition import SAVED
from trunkline.vendors.zudu.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
