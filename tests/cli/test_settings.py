"""Settings and databases that cannot be used: one clear sentence, and exit status 2."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.cli.conftest import Trunkline
from tests.conftest import free_port
from trunkline import __version__
from trunkline.settings import SettingError, Settings

BAD = {
    "no number": ("POOL_SIZE", "many", "'many' is not a whole number from 1 to 1000"),
    "a number with a fraction": ("POOL_SIZE", "8.0", "'8.0' is not a whole number from 1 to 1000"),
    "too few": ("POOL_SIZE", "0", "'0' is not a whole number from 1 to 1000"),
    "too many": ("POOL_SIZE", "1001", "'1001' is not a whole number from 1 to 1000"),
    "foreign digits": ("POOL_SIZE", "٣", "'٣' is not a whole number from 1 to 1000"),
    "no network": ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "'proxy' does not appear to be an IPv4 or IPv6"),
    "an address and not a network": ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
    "a host without a dialect": ("HOSTS", "calls.example.com", "the form is"),
    "no folder": ("POSTGRES_BIN", "/nowhere/bin", "'/nowhere/bin' is not a folder"),
    "a level that does not exist": ("LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error"),
}


@pytest.mark.parametrize(("name", "value", "said"), BAD.values(), ids=BAD)
def test_a_setting_that_cannot_be_read_is_refused_with_a_reason(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        Settings.read({f"TRUNKLINE_{name}": value})


def test_the_reason_is_all_that_a_command_says_of_it(trunkline: Trunkline) -> None:
    ran = trunkline("keys", "list", "--org", "a", TRUNKLINE_POOL_SIZE="many")
    assert ran.complaint.endswith("'many' is not a whole number from 1 to 1000")


def test_a_host_of_a_dialect_that_does_not_exist_is_reported_before_anything_is_served(
    trunkline: Trunkline,
) -> None:
    ran = trunkline("serve", "--port", str(free_port()), TRUNKLINE_HOSTS="a.test=callem,b.test=nobody")
    assert ran.complaint.startswith("TRUNKLINE_HOSTS names nobody; the dialects are ")


DATABASES = {
    "no URL": ("nonsense", "a database URL begins with"),
    "nobody listens": ("postgresql://127.0.0.1:1/calls", "Connect call failed"),
    "no such database": ("", 'database "missing" does not exist'),
}


@pytest.mark.parametrize(("url", "said"), DATABASES.values(), ids=DATABASES)
def test_a_database_that_cannot_be_used_is_reported_in_one_sentence(
    url: str, said: str, trunkline: Trunkline, embedded_url: str
) -> None:
    url = url or embedded_url.replace("/postgres?", "/missing?")
    assert said in trunkline("keys", "list", "--org", "a", TRUNKLINE_DATABASE_URL=url).complaint


@pytest.fixture
def new_database(embedded_url: str) -> Iterator[str]:
    def execute(sql: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(embedded_url)
            await connection.execute(sql)
            await connection.close()

        asyncio.run(run())

    execute("CREATE DATABASE fresh")
    yield embedded_url.replace("/postgres?", "/fresh?")
    execute("DROP DATABASE fresh WITH (FORCE)")


def test_a_database_that_is_not_migrated_is_not_used_until_it_is(
    trunkline: Trunkline, new_database: str
) -> None:
    use = {"TRUNKLINE_DATABASE_URL": new_database}
    complaint = trunkline("serve", "--port", str(free_port()), **use).complaint
    assert "the database has no tables of Trunkline yet: run `trunkline migrate`" in complaint
    assert trunkline("migrate", **use).out.startswith("The database is at revision ")
    assert trunkline("migrate", **use).out.endswith(", as before.\n")


def test_a_home_that_cannot_be_a_folder_is_reported_in_one_sentence(trunkline: Trunkline) -> None:
    told = {"TRUNKLINE_DATABASE_URL": "", "TRUNKLINE_HOME": "/dev/null/home"}
    assert "Not a directory" in trunkline("keys", "list", "--org", "a", **told).complaint


def test_programs_of_another_version_are_reported_in_one_sentence_before_anything_is_written(
    trunkline: Trunkline, tmp_path: Path
) -> None:
    programs = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    programs.chmod(0o755)
    try:
        for name in ("postgres", "initdb", "pg_ctl"):
            (programs / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2'\n")
            (programs / name).chmod(0o755)
        home = tmp_path / "home"
        told = {"TRUNKLINE_HOME": str(home), "TRUNKLINE_POSTGRES_BIN": str(programs)}
        complaint = trunkline("migrate", TRUNKLINE_DATABASE_URL="", **told).complaint
        assert complaint == (
            f"TRUNKLINE_POSTGRES_BIN: {programs} has PostgreSQL 17.2, and PostgreSQL 18 is needed"
        )
        assert not home.exists()
    finally:
        shutil.rmtree(programs)


def test_without_an_environment_every_setting_has_its_default() -> None:
    told = Settings.read({"TRUNKLINE_POOL_SIZE": "", "TRUNKLINE_LOG_LEVEL": ""})
    own = Path("~/.trunkline").expanduser().resolve()
    is_own = os.geteuid() != 0 or own.exists()  # the folder of root is closed to whom PostgreSQL runs as
    assert told == Settings(home=own if is_own else Path("/var/lib/trunkline"))


def test_every_setting_is_read() -> None:
    told = Settings.read(
        {
            "TRUNKLINE_HOME": "/srv/calls",
            "TRUNKLINE_DATABASE_URL": "postgresql:///calls",
            "TRUNKLINE_POOL_SIZE": "20",
            "TRUNKLINE_ROW_CACHE_MB": "0",
            "TRUNKLINE_HOSTS": "Calls.Example.com=callem, z.example.com = zudu,",
            "TRUNKLINE_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "TRUNKLINE_LOG_LEVEL": "WARNING",
        }
    )
    assert (told.home, told.database_url, told.pool_size) == (Path("/srv/calls"), "postgresql:///calls", 20)
    assert told.hosts == {"calls.example.com": "callem", "z.example.com": "zudu"}
    assert [str(network) for network in told.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert (told.row_cache_mb, told.log_level) == (0, "warning")


def test_the_version_is_printed(trunkline: Trunkline) -> None:
    assert trunkline("--version").out == f"{__version__}\n"
