"""The command line."""

from __future__ import annotations

from trunkline.cli.main import main

__all__ = ["main"]
