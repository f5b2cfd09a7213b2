"""Trunkline, our own API: its API, served; its calls, taken in."""

from trunkline.dialects.trunkline.api import DIALECT
from trunkline.dialects.trunkline.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
