"""Bland: its calls, taken in."""

from trunkline.vendors.bland.webhooks import DOOR

__all__ = ["DOOR"]
