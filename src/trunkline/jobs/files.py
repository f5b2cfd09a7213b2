"""Files of recordings, which only their owner may read."""

from __future__ import annotations

from pathlib import Path

from trunkline.store.private_files import make_home


def private_folder(folder: Path) -> Path:
    """A folder in the home folder that only its owner may read."""
    make_home(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    return folder


def remove_parts(root: Path, path: str) -> None:
    """Remove what a process that was killed had written of a file: obstore writes beside it, behind a `#`."""
    file = root / path
    for part in file.parent.glob(f"{file.name}#*"):
        part.unlink(missing_ok=True)


def make_private(root: Path, path: str) -> None:
    """Make a file, and the folders between it and the root, readable only by their owner."""
    file = root / path
    file.chmod(0o600)
    for folder in file.parents:
        if folder == root:
            return
        folder.chmod(0o700)
