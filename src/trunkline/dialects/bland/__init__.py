"""Bland: its calls, taken in."""

from trunkline.dialects.bland.parse import DOOR

__all__ = ["DOOR"]
