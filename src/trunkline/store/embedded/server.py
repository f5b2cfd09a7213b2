"""One home folder's PostgreSQL, as a process uses it: started, joined, started again, left and stopped."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from trunkline.store.embedded.problem import DISK_FULL, DiskFull, EmbeddedProblem
from trunkline.store.embedded.programs import MAJOR_VERSION, named_programs, wheel_programs
from trunkline.store.embedded.socket_folder import PORT, known_folder, socket_folder, socket_in
from trunkline.store.embedded.user import OWN_USER, PostgresUser, client_names, name_of, user_for
from trunkline.store.private_files import alone, make_home, open_private, write_private
from trunkline.store.tuning import configuration, memory_bytes, tuning

log = logging.getLogger(__name__)

_MAX_START_SECONDS = 600.0
"""After a crash PostgreSQL replays its log before it answers; a big database may need minutes."""

_MAX_STOP_SECONDS = 60.0
_NOTED_SECONDS = 2.0
"""A start that takes longer than this is worth a word."""

_DISK_BYTES = 17 * 1024 * 1024
"""What PostgreSQL needs to start: it may have to make a file of 16 MB for its log."""

_HERE = Path("/proc/self/cwd")
"""The data folder as its processes see it: it is the current folder of each."""

_INCLUDES = "include_if_exists = 'trunkline.conf'\ninclude_if_exists = 'own.conf'\n"
_CLIENTS = "trunkline_hba.conf", "trunkline_ident.conf"


def log_report(sentence: str) -> None:
    """Report to the log."""
    log.info(sentence)


class EmbeddedPostgres:
    """The PostgreSQL in a home folder, and this process's part in it."""

    def __init__(
        self, home: Path, programs: Path | None = None, report: Callable[[str], None] = log_report
    ) -> None:
        """Nothing is done before `join`. What happens to a person's surprise is reported in sentences."""
        self.home = home
        self.folder = home / "postgres"
        self._named_programs = programs
        self._report = report
        self._using: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_bytes = 0
        self._leaving = threading.Event()
        self._pid = os.getpid()

    @property
    def url(self) -> str:
        """The URL of the database, which stays the same when the server is started again."""
        folder = known_folder(self.folder, self.home) or self.folder
        return f"postgresql://postgres:@/postgres?host={quote(str(folder), safe='/')}&port={PORT}"

    def join(self) -> None:
        """Use the server, and start it if it does not run; raises `EmbeddedProblem` and `OSError`."""
        if self._named_programs is not None:
            named_programs(self._named_programs, user_for(self.folder))
        make_home(self.home)
        try:
            with alone(self._lock_file("starting")):
                self._using = open_private(self._lock_file("using"), os.O_RDWR)
                fcntl.flock(self._using, fcntl.LOCK_SH)
            self._bring_up()
        except BaseException:
            self.leave()
            raise

    def has_ended(self) -> bool:
        """Whether the server does not run any more, though nobody stopped it."""
        if self._leaving.is_set() or (lock := self._lock_if_ended()) is None:
            return False
        os.close(lock)
        return not self._answers()

    def start_again(self) -> None:
        """Start the server again unless another process does; raises `EmbeddedProblem` and `OSError`."""
        self._bring_up()

    def problem(self) -> str | None:
        """Why the server does not answer, in a sentence, or `None` if it does; any process may ask."""
        if self._answers():
            return None
        if _is_full(self.folder):
            return DISK_FULL
        try:
            lock = self._lock_if_ended()
        except OSError:
            return "the folder of the embedded PostgreSQL cannot be read"
        if lock is None:
            return "the embedded PostgreSQL is starting"
        os.close(lock)
        return "the embedded PostgreSQL has ended, and will be started again"

    def leave(self) -> None:
        """Use the server no more; the last process that does stops it."""
        self._leaving.set()
        if self._using is None or os.getpid() != self._pid:  # a forked process uses it by its parent
            return
        try:
            with alone(self._lock_file("starting")):
                with suppress(BlockingIOError):
                    fcntl.flock(self._using, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._stop()
        except OSError as error:  # as when the folder was removed
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(_MAX_STOP_SECONDS)
            else:
                log.warning("the embedded PostgreSQL was not stopped: %s", error)
        finally:
            os.close(self._using)
            self._using = None

    def _lock_file(self, name: str) -> Path:
        return self.home / f".{name}"

    # -- starting ---------------------------------------------------------

    def _bring_up(self) -> None:
        """Start the server if it does not run, and wait until it answers."""
        began = time.monotonic()
        launched: subprocess.Popen[bytes] | None = None
        is_noted = False
        while not self._leaving.is_set():
            launched = self._launch_if_ended(launched)
            if self._answers():
                return
            seconds = time.monotonic() - began
            if seconds > _MAX_START_SECONDS:
                raise self._failure("it did not answer in time")
            if seconds > _NOTED_SECONDS and not is_noted:
                is_noted = True
                self._report("waiting for the embedded PostgreSQL, which may have to recover from a crash")
            self._leaving.wait(0.01 if seconds < 1 else 0.1)

    def _launch_if_ended(self, launched: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes] | None:
        """Start the server if none of its processes is left; raises if what was started here has ended."""
        with alone(self._lock_file("starting")):
            if self._leaving.is_set() or (lock := self._lock_if_ended()) is None:
                return launched
            try:
                if launched is not None:
                    launched.wait(_MAX_STOP_SECONDS)
                    if self._is_still_held():
                        return None
                    raise self._failure(f"it ended with status {launched.returncode}")
                if not self._answers():  # a server of an earlier version of ours holds no lock
                    self._process = self._launch(lock)
                return self._process
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DiskFull(self._sentence(DISK_FULL)) from error
                raise
            finally:
                os.close(lock)

    def _lock_if_ended(self) -> int | None:
        """The lock of the server's processes if all of them have ended; the caller closes it."""
        lock = open_private(self._lock_file("running"), os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _launch(self, lock: int) -> subprocess.Popen[bytes]:
        """Start the server's first process, which inherits the lock."""
        user = user_for(self.folder)
        if self._named_programs is None:
            programs = wheel_programs(self.home, user)
        else:
            programs = named_programs(self._named_programs, user)
        self._initialise(programs, lock)
        user = user_for(self.folder)
        here = self._here(self.folder, user)
        self._configure()
        sockets = socket_folder(self.folder, self.home, user)
        self._clear(sockets)
        listed = str(here if sockets == self.folder else sockets).replace('"', '""')
        command = [programs / "postgres", "-D", here, "-h", "", "-p", str(PORT), "-k", f'"{listed}"']
        clients = zip(("hba_file", "ident_file"), _CLIENTS, strict=True)
        for setting in (*(f"{name}={here}/{file}" for name, file in clients), "unix_socket_permissions=0700"):
            command += ["-c", setting]
        output = open_private(self.folder / "log", os.O_WRONLY | os.O_APPEND)
        try:
            self._log_bytes = os.fstat(output).st_size
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # an interrupt at the terminal is not for PostgreSQL
                pass_fds=(lock,),
                **user.run_as,
            )
        except PermissionError as error:
            raise EmbeddedProblem(
                f"PostgreSQL does not run as root, and cannot be run as {name_of(user.uid)} here"
                f" ({error.strerror}): run this as another user, or set TRUNKLINE_DATABASE_URL"
            ) from error
        finally:
            os.close(output)

    @staticmethod
    def _here(folder: Path, user: PostgresUser) -> Path:
        """The data folder's name for a process that runs in it.

        The user that PostgreSQL runs as for root needs to enter none of the folders above. Root goes there
        first, and the process finds the folder by its current one.
        """
        return _HERE if user.is_other and _HERE.exists() else folder

    def _initialise(self, programs: Path, lock: int) -> None:
        """Make the data folder if there is none; raises `EmbeddedProblem` for one of another version."""
        version = self.folder / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(MAJOR_VERSION):
                raise EmbeddedProblem(
                    f"{self.folder} is of PostgreSQL {found}, and PostgreSQL {MAJOR_VERSION} is needed: dump"
                    " it with that version, and restore it"
                )
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise EmbeddedProblem(f"{self.folder} is not empty, and holds no database: empty or move it")
        user = user_for(self.folder)
        # Beside its place first, since one that was not finished must not pass for a database.
        made = self.folder if self.folder.is_mount() else self.folder.with_name("postgres.new")
        if made != self.folder:
            if made.exists():
                shutil.rmtree(made)
            made.mkdir(mode=0o700)
        if user.is_other:
            os.chown(made, user.uid, user.gid)
        here = self._here(made, user)
        initdb = [programs / "initdb", "--auth-local=peer", "--auth-host=reject", "--encoding=utf8"]
        ran = subprocess.run(  # noqa: S603
            [*initdb, "-U", "postgres", "-D", here],
            cwd=made,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=(lock,),
            **user.run_as,
        )
        if ran.returncode != 0:
            text = ran.stderr.decode(errors="replace")
            raise self._failure(f"initdb ended with status {ran.returncode}", text)
        if made != self.folder:
            made.rename(self.folder)
        if user.is_other:
            self._report(
                f"PostgreSQL does not run as root: the embedded one runs as {name_of(user.uid)}, who owns"
                f" {self.folder}; if there is a user {OWN_USER} when the folder is made, it runs as that one"
            )

    def _configure(self) -> None:
        """Write our settings beside PostgreSQL's; settings in `own.conf` override them."""
        main = self.folder / "postgresql.conf"
        if _INCLUDES not in (known := main.read_text(encoding="utf-8")):
            write_private(main, f"{known}\n{_INCLUDES}")
        ours = configuration(tuning(memory_bytes(), os.cpu_count() or 1))
        write_private(self.folder / "trunkline.conf", ours)
        hba, ident = (self.folder / name for name in _CLIENTS)
        note = "# Written by Trunkline at every start."
        write_private(hba, f"{note}\nlocal all postgres peer map=trunkline\n")
        names = (f'trunkline "{name}" postgres\n' for name in client_names(self.home))
        write_private(ident, f"{note}\n{''.join(names)}")

    def _clear(self, sockets: Path) -> None:
        """Remove what a server that was killed left: no process of it is there, whatever these files say."""
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for folder in {self.folder, sockets}:
            for left in folder.glob(".s.PGSQL.*"):
                left.unlink(missing_ok=True)

    # -- looking ----------------------------------------------------------

    def _answers(self) -> bool:
        """Whether the server takes connections, and is done with recovery."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        folder = known_folder(self.folder, self.home)
        return folder is not None and _is_listening(socket_in(folder))

    def _lines(self) -> list[str]:
        """What the server has logged since it was last started here."""
        try:
            with (self.folder / "log").open("rb") as file:
                file.seek(self._log_bytes)
                return file.read(1_000_000).decode(errors="replace").splitlines()
        except OSError:
            return []

    def _is_still_held(self) -> bool:
        """Whether it failed since processes of an earlier server use the data; they end by themselves."""
        return any("pre-existing shared memory block" in line for line in self._lines())

    def _failure(self, what: str, text: str | None = None) -> EmbeddedProblem:
        """Why the server did not start, from what it said."""
        lines = self._lines() if text is None else text.strip().splitlines()
        reasons = [line for line in lines if "FATAL:" in line or "PANIC:" in line or " error: " in line]
        is_full = any("No space left on device" in line or "Disk quota" in line for line in lines)
        if is_full or _is_full(self.folder):
            return DiskFull(self._sentence(DISK_FULL))
        return EmbeddedProblem(self._sentence(reasons[-1].strip() if reasons else what))

    def _sentence(self, reason: str) -> str:
        where = f"; see {self.folder / 'log'}" if (self.folder / "log").exists() else ""
        return f"the embedded PostgreSQL does not start: {reason}{where}"

    # -- stopping ---------------------------------------------------------

    def _stop(self) -> None:
        """Stop the server, and wait until all its processes have ended."""
        lock = self._lock_if_ended()
        if lock is not None:
            os.close(lock)
            if not self._answers() or self._serves_earlier_version():
                return
        try:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                self._process.wait(_MAX_STOP_SECONDS)
            else:
                self._stop_foreign()
            self._wait_for_end()
        except subprocess.TimeoutExpired:
            log.warning("the embedded PostgreSQL is still stopping, and will do so by itself")
            return
        sockets = known_folder(self.folder, self.home)
        if sockets is not None and sockets != self.folder:
            with suppress(OSError):
                sockets.rmdir()

    def _stop_foreign(self) -> None:
        """Stop a server that another process started.

        The user that it runs as could write any number into its files; so it is that user who sends the signal.
        """
        user = user_for(self.folder)
        if self._named_programs is None:
            programs = wheel_programs(self.home, user)
        else:
            programs = self._named_programs
        command = [programs / "pg_ctl", "-D", self._here(self.folder, user), "-m", "fast", "-W", "stop"]
        subprocess.run(  # noqa: S603
            command,
            cwd=self.folder,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_MAX_STOP_SECONDS,
            **user.run_as,
        )

    def _wait_for_end(self) -> None:
        """Wait until no process of the server is left; raises `TimeoutExpired`."""
        deadline = time.monotonic() + _MAX_STOP_SECONDS
        while (lock := self._lock_if_ended()) is None or self._answers():
            if lock is not None:
                os.close(lock)
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("postgres", _MAX_STOP_SECONDS)
            time.sleep(0.01)
        os.close(lock)

    def _serves_earlier_version(self) -> bool:
        """Whether a process of an earlier version of ours uses the server, which lists them in a file."""
        try:
            pids = json.loads((self.folder / ".handle_pids.json").read_text(encoding="utf-8"))
            return any(pid != os.getpid() and _is_alive(pid) for pid in pids)
        except (OSError, ValueError, TypeError):
            return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _is_full(folder: Path) -> bool:
    """Whether the folder's disk has less room than PostgreSQL needs to start."""
    for path in (folder, *folder.parents):
        with suppress(OSError):
            found = os.statvfs(path)
            return found.f_bavail * found.f_frsize < _DISK_BYTES
    return False
