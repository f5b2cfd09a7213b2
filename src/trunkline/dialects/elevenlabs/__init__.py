"""ElevenLabs: its calls, taken in."""

from trunkline.dialects.elevenlabs.webhooks import DOOR

__all__ = ["DOOR"]
