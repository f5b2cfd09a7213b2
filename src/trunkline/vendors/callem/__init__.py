"""Callem: its API, served; its calls, taken in."""

from trunkline.vendors.callem.api import DIALECT
from trunkline.vendors.callem.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
