"""Ultravox: its calls, received."""

from trunkline.vendors.ultravox.recognition import SAVED
from trunkline.vendors.ultravox.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
