"""Bland: its calls, taken in."""

from trunkline.dialects.bland.webhooks import DOOR

__all__ = ["DOOR"]
