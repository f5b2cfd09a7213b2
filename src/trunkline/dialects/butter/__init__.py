"""Butter: its API, served; its calls, taken in."""

from trunkline.dialects.butter.api import DIALECT
from trunkline.dialects.butter.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
