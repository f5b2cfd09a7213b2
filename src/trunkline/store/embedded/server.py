"""One home folder's PostgreSQL, as a process uses it: started, joined, started again, left and stopped."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trunkline.store.embedded.data_folder import DataFolder
from trunkline.store.embedded.problem import DISK_FULL, EmbeddedProblem
from trunkline.store.embedded.socket_folder import known_folder
from trunkline.store.embedded.user import name_of, user_for
from trunkline.store.private_files import alone, make_home, open_private

log = logging.getLogger(__name__)

_MAX_START_SECONDS = 600.0
"""After a crash PostgreSQL replays its log before it answers; a big database may need minutes."""

_MAX_STOP_SECONDS = 60.0
_NOTED_SECONDS = 5.0
"""A start that takes longer than this is worth a word."""


_STILL_USED: list[subprocess.Popen[bytes]] = []
"""Servers that we started and that others use after us: Python wants to hear of their end from us."""


def log_report(sentence: str) -> None:
    """Report to the log."""
    log.info(sentence)


class EmbeddedPostgres:
    """The PostgreSQL in a home folder, and this process's part in it."""

    def __init__(
        self,
        home: Path,
        programs: Path | None = None,
        report: Callable[[str], None] = log_report,
        outer_home: Path | None = None,
    ) -> None:
        """Nothing is done before `join`. What takes long or may surprise is reported in sentences."""
        self.home = home
        self._data = DataFolder(home, programs, report, outer_home or home)
        self._report = report
        self._using: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._leaving = threading.Event()
        self._pid = os.getpid()

    @property
    def url(self) -> str:
        """The URL of the database, which stays the same when the server is started again."""
        return self._data.url

    def join(self) -> None:
        """Use the server, and start it if it does not run; raises `EmbeddedProblem` and `OSError`."""
        self._data.check()
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
        return not self._data.answers()

    def start_again(self) -> None:
        """Start the server again if it has ended, unless another process does.

        Raises `EmbeddedProblem` and `OSError`.
        """
        self._bring_up()

    def problem(self) -> str | None:
        """Why the server does not answer, in a sentence, or `None` if it does; any process may ask."""
        if self._data.answers():
            return None
        if self._data.is_full():
            return DISK_FULL
        try:
            lock = self._lock_if_ended()
        except OSError as error:
            return f"the folder of the embedded PostgreSQL cannot be used: {error.strerror}"
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
            with alone(self._lock_file("starting")), suppress(BlockingIOError):
                fcntl.flock(self._using, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop()
        except (OSError, EmbeddedProblem) as error:  # as when the folder was removed
            if self._process is None or self._process.poll() is not None:
                log.warning("the embedded PostgreSQL was not stopped: %s", error)
                return
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_MAX_STOP_SECONDS)
        finally:
            os.close(self._using)
            self._using = None
            if self._process is not None and self._process.poll() is None:
                _STILL_USED.append(self._process)

    def _lock_file(self, name: str) -> Path:
        return self.home / f".{name}"

    def _lock_if_ended(self) -> int | None:
        """The lock of the server's processes if all of them have ended; the caller closes it."""
        lock = open_private(self._lock_file("running"), os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    # -- starting ---------------------------------------------------------

    def _bring_up(self) -> None:
        """Start the server if it does not run, and wait until it answers."""
        began = time.monotonic()
        launched: subprocess.Popen[bytes] | None = None
        is_noted = False
        while not self._leaving.is_set():
            before, launched = launched, self._launch_if_ended(launched)
            if launched is not before:
                began = time.monotonic()
            if self._data.answers():
                return
            seconds = time.monotonic() - began
            if seconds > _MAX_START_SECONDS:
                raise self._data.failure("it did not answer in time")
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
                    if not self._data.waits_for_others():
                        raise self._data.failure(f"it ended with status {launched.returncode}")
                    return None
                if not self._data.answers():  # a server of an earlier version of ours holds no lock
                    if self._process is not None:
                        self._process.wait(_MAX_STOP_SECONDS)  # or it would stay as a dead process
                    self._process = self._launch(lock)
                return self._process
            finally:
                os.close(lock)

    def _launch(self, lock: int) -> subprocess.Popen[bytes]:
        try:
            return self._data.launch(lock)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._data.full() from error
            if os.geteuid() == 0 and error.errno in (errno.EPERM, errno.EINVAL):
                name = name_of(user_for(self._data.path).uid)
                raise EmbeddedProblem(
                    f"PostgreSQL does not run as root, and root may not run it as {name} here"
                    f" ({error.strerror}): run this as another user, or set TRUNKLINE_DATABASE_URL"
                ) from error
            raise

    # -- stopping ---------------------------------------------------------

    def _stop(self) -> None:
        """Stop the server, and wait until all its processes have ended."""
        lock = self._lock_if_ended()
        if lock is not None:
            os.close(lock)
            if not self._data.answers() or self._serves_earlier_version():
                return
        try:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                self._process.wait(_MAX_STOP_SECONDS)
            else:
                self._data.ask_to_stop()
            self._wait_for_end()
        except subprocess.TimeoutExpired:
            log.warning("the embedded PostgreSQL is still stopping, and will do so by itself")
            return
        sockets = known_folder(self._data.path, self.home)
        if sockets is not None and sockets != self._data.path:
            with suppress(OSError):
                sockets.rmdir()

    def _wait_for_end(self) -> None:
        """Wait until no process of the server is left; raises `TimeoutExpired`."""
        deadline = time.monotonic() + _MAX_STOP_SECONDS
        while not self._is_over():
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("postgres", _MAX_STOP_SECONDS)
            time.sleep(0.01)

    def _is_over(self) -> bool:
        lock = self._lock_if_ended()
        if lock is not None:
            os.close(lock)
        return lock is not None and not self._data.answers()

    def _serves_earlier_version(self) -> bool:
        """Whether a process of an earlier version of ours uses the server, which lists them in a file."""
        try:
            pids = json.loads((self._data.path / ".handle_pids.json").read_text(encoding="utf-8"))
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
