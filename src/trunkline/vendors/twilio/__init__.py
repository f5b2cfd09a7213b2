"""Twilio: its calls, taken in."""

from trunkline.vendors.twilio.webhooks import DOOR

__all__ = ["DOOR"]
