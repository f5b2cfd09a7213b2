"""Tables as commands print them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 1000
"""Columns of a line where the output has no width of its own."""


def console() -> Console:
    """The output for tables: as wide as the terminal; without one, wide enough that nothing is cut off."""
    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDEST)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table, or one below the other where the terminal is too narrow for a table.

    Ids and addresses are there to be copied, so that none may be cut off. Values that are missing are blank
    in a table and left out otherwise. Instants are in UTC, to the second.
    """
    table = Table(*columns)
    cells = [[_cell(value) for value in row] for row in rows]
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    output = console()
    if not rows or Console(width=WIDEST).measure(table).maximum <= output.width:
        output.print(table)
        return
    widest = max(map(len, columns))
    for row in cells:
        for column, cell in zip(columns, row, strict=True):
            if cell:
                output.print(Text(f"{column:<{widest}}  {cell}"), soft_wrap=True)
        output.print()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
