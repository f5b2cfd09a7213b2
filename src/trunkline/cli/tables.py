"""Tables as commands print them."""

from __future__ import annotations

import os

from rich.console import Console

WIDEST = 1000
"""Columns of a line where nobody says how wide it may be."""


def console() -> Console:
    """Where tables go: as wide as a terminal, and elsewhere as wide as they are: nothing is cut off."""
    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDEST)
