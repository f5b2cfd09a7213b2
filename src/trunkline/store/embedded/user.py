"""The system user that PostgreSQL runs as, who is never root, and where that user can go."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import TypedDict

from msgspec import Struct

from trunkline.store.embedded.problem import EmbeddedProblem

OWN_USER = "trunkline"
"""As root PostgreSQL runs as this user, if the machine has one."""

SHARED_USER = "nobody"
"""Otherwise as this one, which every machine has: we do not add users to a machine.

Its other processes can read the data as well as PostgreSQL itself can.
"""


class RunAs(TypedDict, total=False):
    """Options of `subprocess` for a process of another user."""

    user: int
    group: int
    extra_groups: list[int]


class PostgresUser(Struct, frozen=True):
    """The user that PostgreSQL runs as, who owns the data folder and nothing else."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is another user than ours."""
        return self.uid != os.geteuid()

    @property
    def run_as(self) -> RunAs:
        """How `subprocess` starts a process of this user."""
        return RunAs(user=self.uid, group=self.gid, extra_groups=[]) if self.is_other else RunAs()

    def may(self, path: Path, *, enter: bool) -> bool:
        """Whether it may enter a folder or run a file, or else read it, as far as permissions tell."""
        found = path.stat()
        if self.uid == found.st_uid:
            shift = 6
        elif self.gid == found.st_gid:
            shift = 3
        else:
            shift = 0
        wanted = (stat.S_IXOTH if enter else stat.S_IROTH) << shift
        return bool(found.st_mode & wanted) or _has_access_list(path)

    def barrier(self, path: Path) -> Path | None:
        """The first folder on the way to a file that it cannot enter, or the file that it cannot read."""
        for folder in reversed(path.parents):
            if not self.may(folder, enter=True):
                return folder
        return None if self.may(path, enter=False) else path


def _has_access_list(path: Path) -> bool:
    """Whether more than the permissions decides; then it is tried."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False


def user_for(folder: Path) -> PostgresUser:
    """The user for a data folder: who owns it already, or else ourselves; raises `EmbeddedProblem`."""
    owner = folder.stat() if folder.exists() else None
    ours = os.geteuid()
    if ours != 0:
        if owner is not None and owner.st_uid != ours:
            raise EmbeddedProblem(
                f"{folder} belongs to {name_of(owner.st_uid)}, not to {name_of(ours)}: run this as the"
                " user that it belongs to, or set TRUNKLINE_HOME to a folder of your own"
            )
        if _listed(ours) is None:
            raise EmbeddedProblem(
                f"PostgreSQL does not run for a user without a name, and number {ours} has none on this"
                " machine: add it to /etc/passwd, or set TRUNKLINE_DATABASE_URL"
            )
        return PostgresUser(ours, os.getegid())
    if owner is not None and owner.st_uid != 0:
        return PostgresUser(owner.st_uid, owner.st_gid)
    for name in (OWN_USER, SHARED_USER):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return PostgresUser(found.pw_uid, found.pw_gid)
    raise EmbeddedProblem(
        f"PostgreSQL does not run as root, and there is no user {OWN_USER} or {SHARED_USER} on this machine:"
        " run this as another user, or set TRUNKLINE_DATABASE_URL"
    )


def name_of(uid: int) -> str:
    """A user's name, or its number if it has none."""
    return _listed(uid) or f"user {uid}"


def _listed(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def client_names(home: Path) -> list[str]:
    """The system users that may connect: who owns the home folder, and root, who may do anything anyway.

    The user that PostgreSQL runs as for root is not among them, since other services may run as it.
    """
    names = (_listed(home.stat().st_uid), _listed(os.geteuid()), _listed(0))
    return list(dict.fromkeys(name for name in names if name is not None))
