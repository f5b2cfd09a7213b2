"""Trunkline: one call log for every voice agent."""

__version__ = "0.1.0"
