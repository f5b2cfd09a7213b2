"""Ultravox: its calls, taken in."""

from trunkline.dialects.ultravox.webhooks import DOOR

__all__ = ["DOOR"]
