"""Vapi: its calls, taken in."""

from trunkline.dialects.vapi.webhooks import DOOR

__all__ = ["DOOR"]
