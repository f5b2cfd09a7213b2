"""ElevenLabs: its calls, taken in."""

from trunkline.vendors.elevenlabs.webhooks import DOOR

__all__ = ["DOOR"]
