"""Retell: its calls, taken in."""

from trunkline.dialects.retell.pull import DOOR

__all__ = ["DOOR"]
