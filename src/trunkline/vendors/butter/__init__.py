"""Butter: its API, served; its calls, taken in."""

from trunkline.vendors.butter.api import DIALECT
from trunkline.vendors.butter.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
