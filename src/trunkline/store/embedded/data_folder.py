"""The data folder of the embedded PostgreSQL: made, configured, and its programs run in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from trunkline.store.embedded.problem import DISK_FULL, DiskFull, EmbeddedProblem
from trunkline.store.embedded.programs import MAJOR_VERSION, named_programs, wheel_programs
from trunkline.store.embedded.socket_folder import PORT, known_folder, socket_folder, socket_in
from trunkline.store.embedded.user import OWN_USER, PostgresUser, client_names, name_of, user_for
from trunkline.store.private_files import open_private, read_private, write_private
from trunkline.store.tuning import configuration, memory_bytes, tuning

_DISK_BYTES = 17 * 1024 * 1024
"""What PostgreSQL needs to start: it may have to make a file of 16 MB for its log."""

_HERE = Path("/proc/self/cwd")
"""The data folder as its processes see it: it is the current folder of each."""

_INCLUDES = "include_if_exists = 'trunkline.conf'\ninclude_if_exists = 'own.conf'\n"
_CLIENTS = {"hba_file": "trunkline_hba.conf", "ident_file": "trunkline_ident.conf"}


class DataFolder:
    """The data folder in a home folder, with the programs to run in it."""

    def __init__(
        self, home: Path, programs: Path | None, report: Callable[[str], None], copies: Path
    ) -> None:
        """`copies` is the home folder for a copy of the programs, if there has to be one."""
        self.path = home / "postgres"
        self._home = home
        self._named_programs = programs
        self._report = report
        self._copies = copies
        self._log_bytes = 0

    @property
    def url(self) -> str:
        """The URL of the database."""
        folder = known_folder(self.path, self._home) or self.path
        return f"postgresql://postgres:@/postgres?host={quote(str(folder), safe='/')}&port={PORT}"

    @property
    def log(self) -> Path:
        """The file that PostgreSQL logs to."""
        return self.path / "log"

    def programs(self) -> Path:
        """The `bin` folder to use; raises `EmbeddedProblem` if it is not of the right version."""
        user = user_for(self.path)
        if self._named_programs is not None:
            return named_programs(self._named_programs, user)
        return wheel_programs(self._copies, user)

    def check(self) -> None:
        """Check the setting and the owner before anything is written; raises `EmbeddedProblem`."""
        if self._named_programs is not None:
            self.programs()
        else:
            user_for(self.path)

    # -- starting ---------------------------------------------------------

    def launch(self, lock: int) -> subprocess.Popen[bytes]:
        """Start PostgreSQL, whose processes inherit the lock; raises `EmbeddedProblem` and `OSError`."""
        programs = self.programs()
        self._initialise(programs, lock)
        user = user_for(self.path)
        self._configure()
        sockets = socket_folder(self.path, self._home, user)
        self._clear(sockets)
        here = _seen_by(user, self.path)
        # The setting is a list; in quotes a name may contain what separates the names.
        listed = str(here if sockets == self.path else sockets).replace('"', '""')
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            here,
            "-h",
            "",
            "-p",
            str(PORT),
            "-k",
            f'"{listed}"',
        ]
        command += ["-c", "unix_socket_permissions=0700"]
        for name, file in _CLIENTS.items():
            command += ["-c", f"{name}={here / file}"]
        output = open_private(self.log, os.O_WRONLY | os.O_APPEND)
        try:
            self._log_bytes = os.fstat(output).st_size
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # an interrupt at the terminal is not for PostgreSQL
                pass_fds=(lock,),
                **user.run_as,
            )
        finally:
            os.close(output)

    def _initialise(self, programs: Path, lock: int) -> None:
        """Make the data folder if there is none; raises `EmbeddedProblem` for one of another version."""
        version = self.path / "PG_VERSION"
        if version.exists():
            if (found := read_private(version).strip()) != str(MAJOR_VERSION):
                raise EmbeddedProblem(
                    f"{self.path} is of PostgreSQL {found}, and PostgreSQL {MAJOR_VERSION} is needed: dump"
                    " it with that version, and restore it"
                )
            return
        if self.path.exists() and any(self.path.iterdir()):
            raise EmbeddedProblem(f"{self.path} is not empty, and holds no database: empty or move it")
        user = user_for(self.path)
        # Beside its place first, since one that was not finished must not pass for a database.
        made = self.path if self.path.is_mount() else self.path.with_name("postgres.new")
        if made != self.path:
            if made.exists():
                shutil.rmtree(made)
            made.mkdir(mode=0o700)
        if user.is_other:
            os.chown(made, user.uid, user.gid)
        options = ["--auth-local=peer", "--auth-host=reject", "--encoding=utf8", "-U", "postgres"]
        ran = _run([programs / "initdb", *options, "-D", _seen_by(user, made)], made, user, (lock,))
        if ran.returncode != 0:
            text = ran.stderr.decode(errors="replace")
            raise self.failure(f"initdb ended with status {ran.returncode}", text)
        if made != self.path:
            made.rename(self.path)
        if user.is_other:
            self._report(
                f"PostgreSQL does not run as root: the embedded one runs as {name_of(user.uid)}, who owns"
                f" {self.path}; if there is a user {OWN_USER} when the folder is made, it runs as that one"
            )

    def _configure(self) -> None:
        """Write our settings beside PostgreSQL's; settings in `own.conf` override them."""
        main = self.path / "postgresql.conf"
        if _INCLUDES not in (known := read_private(main)):
            write_private(main, f"{known}\n{_INCLUDES}")
        ours = configuration(tuning(memory_bytes(), os.cpu_count() or 1))
        write_private(self.path / "trunkline.conf", ours)
        note = "# Written by Trunkline at every start."
        rule = "local all postgres peer map=trunkline"
        names = [f'trunkline "{name}" postgres' for name in client_names(self._home)]
        write_private(self.path / _CLIENTS["hba_file"], f"{note}\n{rule}\n")
        write_private(self.path / _CLIENTS["ident_file"], "\n".join([note, *names, ""]))

    def _clear(self, sockets: Path) -> None:
        """Remove what a server that was killed left: no process of it is there, whatever these files say."""
        (self.path / "postmaster.pid").unlink(missing_ok=True)
        for folder in {self.path, sockets}:
            for left in folder.glob(".s.PGSQL.*"):
                left.unlink(missing_ok=True)

    # -- looking ----------------------------------------------------------

    def answers(self) -> bool:
        """Whether PostgreSQL takes connections, and is done with recovery."""
        try:
            lines = (self.path / "postmaster.pid").read_bytes().splitlines()
        except OSError:
            return False
        if len(lines) < 8 or lines[7].strip() != b"ready":
            return False
        folder = known_folder(self.path, self._home)
        return folder is not None and _is_listening(socket_in(folder))

    def is_full(self) -> bool:
        """Whether the disk has less room than PostgreSQL needs to start."""
        for path in (self.path, *self.path.parents):
            with suppress(OSError):
                found = os.statvfs(path)
                return found.f_bavail * found.f_frsize < _DISK_BYTES
        return False

    def waits_for_others(self) -> bool:
        """Whether it failed since processes of an earlier server use the data; they end by themselves."""
        return any("pre-existing shared memory block" in line for line in self._logged())

    def failure(self, what: str, text: str | None = None) -> EmbeddedProblem:
        """Why PostgreSQL did not start, from what it wrote."""
        lines = self._logged() if text is None else text.strip().splitlines()
        reasons = [line for line in lines if "FATAL:" in line or "PANIC:" in line or " error: " in line]
        if self.is_full() or any("No space left" in line or "Disk quota" in line for line in lines):
            return self.full()
        return EmbeddedProblem(self._sentence(reasons[-1].strip() if reasons else what))

    def full(self) -> DiskFull:
        """That it did not start for want of room."""
        return DiskFull(self._sentence(DISK_FULL))

    def _logged(self) -> list[str]:
        """What PostgreSQL has logged since it was last started here."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_bytes)
                return file.read(1_000_000).decode(errors="replace").splitlines()
        except OSError:
            return []

    def _sentence(self, reason: str) -> str:
        where = f"; see {self.log}" if self.log.exists() else ""
        return f"the embedded PostgreSQL does not start: {reason}{where}"

    # -- stopping ---------------------------------------------------------

    def ask_to_stop(self) -> None:
        """Tell a server that another process started to stop, without waiting for it.

        The user that it runs as could write any number into its files, so it is that user who sends the
        signal to it.
        """
        user = user_for(self.path)
        program = self.programs() / "pg_ctl"
        _run([program, "-D", _seen_by(user, self.path), "-m", "fast", "-W", "stop"], self.path, user)


def _seen_by(user: PostgresUser, folder: Path) -> Path:
    """A folder's name for a process that runs in it.

    The user that PostgreSQL runs as for root need not be able to enter the folders above. Root goes there
    first, and the process finds the folder by its current one.
    """
    return _HERE if user.is_other and _HERE.exists() else folder


def _run(
    command: Sequence[str | Path], folder: Path, user: PostgresUser, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        pass_fds=pass_fds,
        **user.run_as,
    )


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
