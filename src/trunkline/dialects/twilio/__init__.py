"""Twilio: its calls, taken in."""

from trunkline.dialects.twilio.webhooks import DOOR

__all__ = ["DOOR"]
