"""Retell: its calls, taken in."""

from trunkline.dialects.retell.webhooks import DOOR

__all__ = ["DOOR"]
