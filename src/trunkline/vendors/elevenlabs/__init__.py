"""ElevenLabs: its calls, received."""

from trunkline.vendors.elevenlabs.recognition import SAVED
from trunkline.vendors.elevenlabs.webhooks import DOOR

__all__ = ["DOOR", "SAVED"]
