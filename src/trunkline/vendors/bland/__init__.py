"""Bland: its calls, received."""

from trunkline.vendors.bland.recognition import SAVED
from trunkline.vendors.bland.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
