"""ElevenLabs: its calls, taken in."""

from trunkline.dialects.elevenlabs.pull import DOOR

__all__ = ["DOOR"]
