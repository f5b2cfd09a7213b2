"""Ultravox: its calls, taken in."""

from trunkline.vendors.ultravox.webhooks import DOOR

__all__ = ["DOOR"]
