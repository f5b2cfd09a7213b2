"""Files and folders that only their owner may read, also where the folder is another user's."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

PROGRAMS = "programs"
"""The folder in a home folder for a copy of PostgreSQL's programs."""

_OURS = {
    *("demo", "postgres", "postgres.new", PROGRAMS, "recordings", "sealing.key", "spool"),
    *(".running", ".setting-up", ".socket-folder", ".starting", ".using"),
}
"""What is in a home folder."""


def make_home(home: Path) -> None:
    """Make the home folder, or close one that holds nothing but our files; raises `OSError`.

    The permissions of a folder that holds other files as well are left as they are: ours in it are private
    each.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = home.stat().st_mode
        # The user that runs PostgreSQL for root passes through, if the programs had to be copied.
        wide = 0o067 if os.geteuid() == 0 and (home / PROGRAMS).exists() else 0o077
        if not mode & wide:
            return
        if all(entry.name in _OURS for entry in home.iterdir()):
            home.chmod(stat.S_IMODE(mode) & ~wide)
        else:
            log.warning("others can look into %s, which also holds files that are not ours", home)
    except OSError as error:
        raise type(error)(
            error.errno, f"the home folder cannot be used ({error.strerror}), see TRUNKLINE_HOME", str(home)
        ) from None


def open_private(path: Path, flags: int) -> int:
    """Open a file, made if there is none; it belongs to whoever its folder belongs to. Raises `OSError`.

    Whoever owns the folder could place a link in it that leads elsewhere, which root must not follow.
    """
    file = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise PermissionError(f"{path} is a link, or no file: remove it")
        _give(file, path.parent)
    except BaseException:
        os.close(file)
        raise
    return file


def read_private(path: Path) -> str:
    """The text of a file, without following a link that leads elsewhere; raises `OSError`.

    Opening a pipe does not wait either.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, encoding="utf-8", errors="replace") as stream:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise PermissionError(f"{path} is a link, or no file: remove it")
        return stream.read()


def _give(file: int, folder: Path) -> None:
    """Give a file that root made to whoever its folder belongs to."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(file).st_uid == 0 and owner.st_uid != 0:
        os.fchown(file, owner.st_uid, owner.st_gid)


def write_private(path: Path, text: str) -> None:
    """Replace a file's text if it differs, so that a full disk does not matter if it does not."""
    try:
        if read_private(path) == text:
            return
    except OSError:
        pass  # it is not there, or is no file, and is replaced
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            _give(stream.fileno(), path.parent)
            stream.write(text)
        made.replace(path)  # a link that stood there is replaced, and not followed
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is here, and let none in meanwhile."""
    file = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
