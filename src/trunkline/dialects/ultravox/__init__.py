"""Ultravox: its calls, taken in."""

from trunkline.dialects.ultravox.parse import DOOR

__all__ = ["DOOR"]
