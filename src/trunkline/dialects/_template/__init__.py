"""Examplia: its API, served; its calls, taken in."""

from trunkline.dialects._template.api import DIALECT
from trunkline.dialects._template.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
