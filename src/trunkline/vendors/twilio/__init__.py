"""Twilio: its calls, received."""

from trunkline.vendors.twilio.recognition import SAVED
from trunkline.vendors.twilio.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
