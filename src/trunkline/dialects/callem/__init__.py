"""Callem: its API, served; its calls, taken in."""

from trunkline.dialects.callem.api import DIALECT
from trunkline.dialects.callem.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
