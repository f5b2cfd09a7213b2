"""Vapi: its calls, taken in."""

from trunkline.vendors.vapi.webhooks import DOOR

__all__ = ["DOOR"]
