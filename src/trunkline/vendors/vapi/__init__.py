"""Vapi: its calls, received."""

from trunkline.vendors.vapi.recognition import SAVED
from trunkline.vendors.vapi.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
