"""Butter: its API, served; its calls, received."""

from trunkline.vendors.butter.api import DIALECT
from trunkline.vendors.butter.recognition import SAVED
from trunkline.vendors.butter.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
