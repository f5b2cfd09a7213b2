"""Retell: its calls, taken in."""

from trunkline.vendors.retell.webhooks import DOOR

__all__ = ["DOOR"]
