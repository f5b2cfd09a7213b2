"""Ultravox: its calls, received."""

from trunkline.vendors.ultravox.saved import SAVED
from trunkline.vendors.ultravox.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
