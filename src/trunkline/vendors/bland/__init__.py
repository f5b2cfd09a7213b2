"""Bland: its calls, received."""

from trunkline.vendors.bland.saved import SAVED
from trunkline.vendors.bland.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
