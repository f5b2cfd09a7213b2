"""Tables as commands print them."""

from __future__ import annotations

import os

from rich.console import Console

WIDEST = 1000
"""Columns of a line where the output has no width of its own."""


def console() -> Console:
    """The output for tables: as wide as the terminal; without one, wide enough that nothing is cut off."""
    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDEST)
