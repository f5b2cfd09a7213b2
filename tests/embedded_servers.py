"""Ends the embedded PostgreSQL of a folder that is removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from trunkline.store.embedded import stop_embedded


def remove_home(home: Path) -> None:
    """Stop using the folder's server, which ends it unless another process uses it, and remove the folder."""
    stop_embedded(home)
    shutil.rmtree(home, ignore_errors=True)
