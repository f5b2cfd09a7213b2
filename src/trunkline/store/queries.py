"""Named SQL: each statement is in a file under `sql/queries/`, below `-- name:` and a comment."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql" / "queries"
_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


@cache
def queries(stem: str) -> dict[str, str]:
    """The statements of one file by name, without their comments."""
    parts = _NAME.split((FOLDER / f"{stem}.sql").read_text(encoding="utf-8"))
    return {name: _bare(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _bare(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
