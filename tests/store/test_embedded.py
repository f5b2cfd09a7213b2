"""The embedded PostgreSQL is started, shared, started again and stopped, whatever a crash left behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Background
from tests.store.embedded_processes import Process, connect, modes, postmaster, remove, runs, wait_until
from trunkline.compose import recordings_in
from trunkline.jobs.embedded_watch import EmbeddedWatch
from trunkline.service.encryption import key_in
from trunkline.settings import Settings
from trunkline.store.embedded import (
    EmbeddedProblem,
    data_folder,
    embedded_problem,
    join_embedded,
    start_embedded,
    stop_embedded,
)
from trunkline.store.embedded.programs import wheel_programs
from trunkline.store.embedded.user import user_for
from trunkline.store.tuning import memory_bytes, tuning


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that only we can enter, for home folders."""
    folder = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    yield folder
    remove(folder)


@pytest.fixture
def home(outside: Path) -> Iterator[Path]:
    folder = outside / "home"
    yield folder
    stop_embedded(folder)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A home folder whose database was stopped, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    start_embedded(folder / "home")
    stop_embedded(folder / "home")
    yield folder / "home"
    remove(folder)


@pytest.fixture
def stopped(home: Path, template: Path) -> Path:
    """A home folder with a database that does not run."""
    return copied(template, home)


def copied(template: Path, home: Path) -> Path:
    subprocess.run(["cp", "-a", template, home], check=True)
    return home


def ask(url: str, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    background = Background()
    try:
        return background.run(run())
    finally:
        background.close()


def test_nothing_above_the_home_folder_is_changed_and_nobody_else_can_read_it(
    outside: Path, home: Path
) -> None:
    programs = wheel_programs(outside, user_for(home / "postgres"))
    above = (outside, Path("~").expanduser(), programs / "postgres", Path("/etc/passwd"))
    before, users = modes(*above), Path("/etc/passwd").read_text()
    start_embedded(home)
    assert modes(*above) == before
    assert Path("/etc/passwd").read_text() == users
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    for path in (home, *home.rglob("*")):
        assert not path.stat().st_mode & 0o077, path


def test_postgresql_has_the_settings_that_it_is_to_have(home: Path) -> None:
    url = start_embedded(home)
    wanted = tuning(memory_bytes(), os.cpu_count() or 1)
    for name in ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections"):
        assert ask(url, f"SELECT current_setting('{name}')") in (
            wanted[name],
            wanted[name].replace("MB", " MB"),
        )
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SELECT bool_and(auth_method = 'peer') FROM pg_hba_file_rules")


def test_own_settings_win(stopped: Path) -> None:
    (stopped / "postgres" / "own.conf").write_text("work_mem = '5MB'\n")
    (stopped / "postgres" / "own.conf").chmod(0o644)
    assert ask(start_embedded(stopped), "SHOW work_mem") == "5MB"


def test_processes_share_one_server_which_the_last_one_stops(stopped: Path) -> None:
    first, second = Process(stopped), Process(stopped)
    assert first.answer() == second.answer() != ""
    pid = postmaster(stopped)
    first.end()
    assert runs(pid)
    third = Process(stopped)
    third.answer()
    second.end()
    assert runs(pid)
    third.end()
    assert not runs(pid)


def test_a_killed_process_neither_stops_the_server_nor_keeps_it(stopped: Path) -> None:
    first = Process(stopped)
    url = first.answer()
    pid = postmaster(stopped)
    first.kill()
    assert runs(pid)
    second = Process(stopped)
    assert second.answer() == url
    assert postmaster(stopped) == pid
    second.end()
    assert not runs(pid)


LEFT: dict[str, str] = {
    "nothing in it": "",
    "no number": "\0\0garbage\n",
    "a process that runs": f"{os.getpid()}\n/elsewhere\n1\n5432\n/elsewhere\n\n 1 1\nready   \n",
    "the first process": "1\n/elsewhere\n1\n5432\n/elsewhere\n\n 1 1\nready   \n",
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_what_a_crash_left_does_not_matter(text: str, stopped: Path) -> None:
    data = stopped / "postgres"
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock", ".s.PGSQL.5432"):
        (data / name).write_text(text)
        shutil.chown(data / name, data.stat().st_uid, data.stat().st_gid)
    assert ask(start_embedded(stopped), "SELECT 1") == 1


def test_a_data_folder_that_was_not_finished_is_made_anew(home: Path) -> None:
    left = home / "postgres.new" / "base"
    left.mkdir(parents=True)
    (left.parent / "PG_VERSION").write_text("18\n")
    assert ask(start_embedded(home), "SELECT 1") == 1
    assert not left.exists()


def test_a_killed_server_is_noticed_and_started_again_at_the_same_url(stopped: Path) -> None:
    postgres = join_embedded(stopped)
    assert (postgres.has_ended(), postgres.problem()) == (False, None)
    ask(postgres.url, "CREATE TABLE notes AS SELECT 'acknowledged' AS note")
    os.kill(postmaster(stopped), signal.SIGKILL)
    wait_until(postgres.has_ended, "its processes do not end")
    assert postgres.problem() == "the embedded PostgreSQL has ended, and will be started again"
    postgres.start_again()
    assert ask(postgres.url, "SELECT note FROM notes") == "acknowledged"


def test_a_watched_server_that_is_killed_comes_back_by_itself(stopped: Path) -> None:
    postgres = join_embedded(stopped)
    watch = EmbeddedWatch(postgres)
    watch.start()
    try:
        for _ in range(2):
            pid = postmaster(stopped)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: not runs(pid) and postgres.problem() is None, "it did not come back")  # type: ignore[misc]
            assert postmaster(stopped) != pid
    finally:
        watch.stop()


def test_a_server_that_was_stopped_on_purpose_stays_so_though_it_was_watched(stopped: Path) -> None:
    watch = EmbeddedWatch(join_embedded(stopped))
    watch.start()
    pid = postmaster(stopped)
    stop_embedded(stopped)
    watch.stop()
    assert not runs(pid)
    assert not (stopped / "postgres" / "postmaster.pid").exists()


def test_of_two_processes_one_starts_a_killed_server_again(stopped: Path) -> None:
    other = Process(stopped)
    url = other.answer()
    postgres = join_embedded(stopped)
    os.kill(postmaster(stopped), signal.SIGKILL)
    wait_until(postgres.has_ended, "its processes do not end")
    postgres.start_again()
    pid = postmaster(stopped)
    other.end()
    assert runs(pid)
    assert ask(url, "SELECT 1") == 1


# -- data of the version before, which was started by a library ------------------


@pytest.fixture
def earlier(home: Path) -> Path:
    """A data folder as the version before made it."""
    data = home / "postgres"
    data.mkdir(parents=True)
    user = user_for(data)
    if user.is_other:
        for folder in (home.parent, home):
            folder.chmod(0o755)
        os.chown(data, user.uid, user.gid)
    initdb(home, "--auth=trust", "--auth-local=trust", "--encoding=utf8", "-U", "postgres", "-D", str(data))
    (data / "trunkline.conf").write_text("max_connections = '200'\n")
    main = data / "postgresql.conf"
    main.write_text(
        f"{main.read_text()}\n\ninclude_if_exists = 'trunkline.conf'\ninclude_if_exists = 'own.conf'\n"
    )
    (data / ".handle_pids.json").write_text("[1, 99999999]")
    return home


def initdb(home: Path, *options: str, program: str = "initdb") -> None:
    user = user_for(home / "postgres")
    command: list[str | Path] = [wheel_programs(home, user) / program, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **user.run_as)


def test_a_data_folder_of_the_version_before_starts_and_trusts_nobody_any_more(earlier: Path) -> None:
    url = start_embedded(earlier)
    assert ask(url, "SHOW max_connections") == "200"
    assert ask(url, "SELECT bool_and(auth_method = 'peer') FROM pg_hba_file_rules")
    assert stat.S_IMODE(earlier.stat().st_mode) == 0o700
    stop_embedded(earlier)
    assert ask(start_embedded(earlier), "SELECT 1") == 1


def test_a_server_of_the_version_before_that_runs_is_used(earlier: Path) -> None:
    data = earlier / "postgres"
    options = ["-w", "-o", f'-h "" -k {data}', "-l", str(data / "log"), "-D", str(data)]
    initdb(earlier, *options, "start", program="pg_ctl")
    pid = postmaster(earlier)
    try:
        assert ask(start_embedded(earlier), "SELECT 1") == 1
        assert postmaster(earlier) == pid
        stop_embedded(earlier)
        assert runs(pid)  # the first process of all is on its list
        (data / ".handle_pids.json").write_text("[99999999]")
        start_embedded(earlier)
        stop_embedded(earlier)
        wait_until(lambda: not runs(pid), "it was not stopped")
    finally:
        if runs(pid):
            os.kill(pid, signal.SIGQUIT)


# -- what cannot be started ------------------------------------------------------


@pytest.fixture
def programs(outside: Path) -> Callable[[str], Path]:
    """Makes a folder of programs that say which version they are."""

    def make(says: str) -> Path:
        folder = outside / "bin"
        folder.mkdir()
        for name in ("postgres", "initdb", "pg_ctl"):
            (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
            (folder / name).chmod(0o755)
        outside.chmod(0o755)
        return folder

    return make


WRONG = {
    "an earlier version": (
        "postgres (PostgreSQL) 15.8 (Debian)",
        "has PostgreSQL 15.8, and PostgreSQL 18 is needed",
    ),
    "a later version": (
        "postgres (PostgreSQL) 19beta1",
        "has PostgreSQL 19beta1, and PostgreSQL 18 is needed",
    ),
    "something else": ("hello", "has no PostgreSQL that we know, and PostgreSQL 18 is needed"),
}


@pytest.mark.parametrize(("says", "reason"), WRONG.values(), ids=WRONG)
def test_programs_of_another_version_are_refused_before_anything_is_written(
    says: str, reason: str, programs: Callable[[str], Path], home: Path
) -> None:
    with pytest.raises(EmbeddedProblem) as refused:
        join_embedded(home, programs(says))
    assert str(refused.value).startswith("TRUNKLINE_POSTGRES_BIN: ")
    assert str(refused.value).endswith(reason)
    assert not home.exists()


def test_a_folder_without_the_programs_is_refused(home: Path, outside: Path) -> None:
    with pytest.raises(EmbeddedProblem, match=r"TRUNKLINE_POSTGRES_BIN: .* has no program postgres"):
        join_embedded(home, outside)


def test_programs_that_a_setting_names_are_used(stopped: Path) -> None:
    wheel = wheel_programs(stopped, user_for(stopped / "postgres"))
    postgres = join_embedded(stopped, wheel)
    assert ask(postgres.url, "SHOW server_version_num").__str__().startswith("18")


def test_data_of_another_version_is_refused(stopped: Path) -> None:
    (stopped / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedProblem, match="is of PostgreSQL 16, and PostgreSQL 18 is needed"):
        start_embedded(stopped)


def test_a_folder_with_other_things_is_not_taken_for_a_database(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "thesis.txt").write_text("")
    with pytest.raises(EmbeddedProblem, match="is not empty, and holds no database"):
        start_embedded(home)


def test_a_server_that_does_not_start_says_why(stopped: Path) -> None:
    own = stopped / "postgres" / "own.conf"
    own.write_text("work_mem = 'much'\n")
    own.chmod(0o644)
    with pytest.raises(EmbeddedProblem, match=r"does not start: .*FATAL: .*errors.*; see .*postgres/log"):
        start_embedded(stopped)
    own.write_text("")
    assert ask(start_embedded(stopped), "SELECT 1") == 1


def test_links_in_the_data_folder_are_not_followed(stopped: Path, outside: Path) -> None:
    other = outside / "other"
    other.write_text("theirs")
    data = stopped / "postgres"
    for name in ("trunkline.conf", "trunkline_hba.conf", "trunkline_ident.conf"):
        (data / name).unlink()
        (data / name).symlink_to(other)
    assert ask(start_embedded(stopped), "SELECT 1") == 1
    stop_embedded(stopped)
    for make in (Path.symlink_to, Path.hardlink_to):
        (data / "log").unlink()
        make(data / "log", other)
        with pytest.raises(OSError, match="log"):
            start_embedded(stopped)
    assert other.read_text() == "theirs"
    assert other.stat().st_uid == os.geteuid()


# -- where the socket is ---------------------------------------------------------


def test_a_home_with_a_long_path_has_its_socket_where_nobody_else_can_enter(outside: Path) -> None:
    home = outside / ("long" * 40) / "home, with a comma"
    url = start_embedded(home)
    try:
        assert ask(url, "SELECT 1") == 1
        folder = Path(url.partition("host=")[2].partition("&")[0])
        assert len(str(folder)) < 90
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert embedded_problem(url, [outside, home]) is not None
        stop_embedded(home)
        assert not folder.exists()
        assert start_embedded(home) == url
        stop_embedded(home)
        folder.mkdir(mode=0o777)  # somebody else may have made one meanwhile
        folder.chmod(0o777)
        try:
            assert start_embedded(home) != url
        finally:
            folder.rmdir()
    finally:
        stop_embedded(home)


def test_a_path_with_odd_characters_is_no_problem(outside: Path) -> None:
    home = outside / "a b?c&d=%41#'\"é"
    try:
        assert ask(start_embedded(home), "SELECT 1") == 1
        assert connect(start_embedded(home)).stdout == "on\n"
    finally:
        stop_embedded(home)


# -- the home folder -------------------------------------------------------------


def test_a_home_folder_that_others_could_read_is_closed_if_it_is_ours(stopped: Path) -> None:
    stopped.chmod(0o755)
    start_embedded(stopped)
    assert stat.S_IMODE(stopped.stat().st_mode) == 0o700


def test_the_key_and_the_recordings_are_private_without_an_embedded_database_too(home: Path) -> None:
    umask = os.umask(0)
    try:
        key_in(home)
        recordings_in(Settings(home=home))
    finally:
        os.umask(umask)
    modes_of = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.iterdir())}
    assert modes_of == {"home": 0o700, "sealing.key": 0o600, "recordings": 0o700}


def test_a_folder_that_holds_other_things_keeps_its_permissions(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir(mode=0o755)
    (home / "index.html").write_text("")
    start_embedded(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    assert not (home / "postgres").stat().st_mode & 0o077
    assert f"others can look into {home}" in caplog.text


def test_a_full_disk_is_named(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = join_embedded(stopped)
    os.kill(postmaster(stopped), signal.SIGKILL)
    wait_until(postgres.has_ended, "its processes do not end")
    monkeypatch.setattr(data_folder, "_DISK_BYTES", 2**80)
    assert postgres.problem() == "the disk of the database is full"
    monkeypatch.undo()
    postgres.start_again()
    assert postgres.problem() is None
