"""Zudu: its API, served; its calls, taken in."""

from trunkline.dialects.zudu.api import DIALECT
from trunkline.dialects.zudu.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
