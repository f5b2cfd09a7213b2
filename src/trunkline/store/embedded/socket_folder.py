"""The folder of PostgreSQL's socket: the data folder, or a short one that nobody else can enter."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trunkline.store.embedded.problem import EmbeddedProblem
from trunkline.store.embedded.user import PostgresUser
from trunkline.store.private_files import write_private

PORT = 5432
"""Part of the socket's name; there is no port."""

_MAX_BYTES = 107
"""Of the path of a socket, on Linux; macOS allows 103."""

_RECORD = ".socket-folder"


def socket_in(folder: Path) -> Path:
    """The path of the socket."""
    return folder / f".s.PGSQL.{PORT}"


def fits(folder: Path) -> bool:
    """Whether the socket's path is short enough, and can be given to a driver, to whom a comma separates."""
    most = _MAX_BYTES if os.uname().sysname == "Linux" else 103
    return len(os.fsencode(socket_in(folder))) <= most and "," not in str(folder)


def known_folder(data: Path, home: Path) -> Path | None:
    """The folder of the socket, if it is decided already."""
    if fits(data):
        return data
    with suppress(OSError):
        return Path((home / _RECORD).read_text(encoding="utf-8"))
    return None


def socket_folder(data: Path, home: Path, user: PostgresUser) -> Path:
    """The folder of the socket, made if need be; raises `EmbeddedProblem`.

    Which one it is stands in the home folder, so that it stays the same while processes use it.
    """
    found = known_folder(data, home)
    if found == data:
        return data
    if found is not None:
        with suppress(OSError):
            if _is_safe(found.parent):
                found.mkdir(mode=0o700)
                _give(found, user)
        if _is_private(found, user):
            return found
    for parent in _parents():
        with suppress(OSError):
            made = Path(tempfile.mkdtemp(prefix="trunkline-", dir=parent))
            _give(made, user)
            if fits(made):
                write_private(home / _RECORD, str(made))
                return made
            made.rmdir()
    raise EmbeddedProblem(
        f"the path of {home} is too long for the socket of the database, and there is no safe folder for it"
        " elsewhere: set TRUNKLINE_HOME to a folder with a shorter path"
    )


def _give(folder: Path, user: PostgresUser) -> None:
    if user.is_other:
        os.chown(folder, user.uid, user.gid)


def _parents() -> Iterator[Path]:
    named = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    for path in (named, tempfile.gettempdir(), "/tmp"):  # noqa: S108 a folder of our own is made in it
        if path.startswith("/") and _is_safe(Path(path).resolve()):
            yield Path(path).resolve()


def _is_safe(parent: Path) -> bool:
    """Whether nobody else can replace our folder in it."""
    try:
        found = parent.stat()
    except OSError:
        return False
    is_shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(found.st_mode) and found.st_uid in (0, os.geteuid()) and not is_shared


def _is_private(folder: Path, user: PostgresUser) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user.uid and not found.st_mode & 0o077
