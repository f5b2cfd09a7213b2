"""Migrations: Alembic revisions whose statements are plain SQL files beside them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import structlog

from trunkline.store import upgrade

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = structlog.get_logger(__name__)

FOLDER = Path(__file__).parent / "sql" / "migrations"
_LOCK = 7_204_911
"""Key of the advisory lock that keeps two processes from migrating at once."""


def _revisions() -> set[str]:
    return {path.name.split("_")[0] for path in (FOLDER / "versions").glob("*.sql")}


def head() -> str:
    """The newest revision that this version of the code has."""
    return max(_revisions())


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


def _log(line: str) -> None:
    log.info(line)


class UnknownRevision(RuntimeError):
    """The database is at a revision that this version of the code does not have."""


class State(NamedTuple):
    """The revision of a database, and whether its upgrade is complete."""

    revision: str | None
    """`None` for a new database."""
    is_pending: bool = False
    """Whether upgrade steps for its calls are left."""


async def state(database_url: str) -> State:
    """The state of a database; raises `UnknownRevision`."""
    async with _connected(database_url) as connection:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return State(None)
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        if found is not None and found not in _revisions():
            raise UnknownRevision(
                f"the database is at revision {found}, and this version of Trunkline knows none after"
                f" {head()}: use the version that the database was made with, or a newer one"
            )
        return State(found, await upgrade.is_pending(connection))


async def revision(database_url: str) -> str | None:
    """The revision that a database has; `None` for a new one."""
    return (await state(database_url)).revision


async def migrate(database_url: str, report: Callable[[str], None] = _log) -> tuple[str | None, str]:
    """Bring a database to the newest revision; returns the revisions before and after.

    What was done to stored calls is reported in sentences. Alembic and SQLAlchemy are loaded
    only if there is something to do, since they take longer to load than everything else together. Raises
    `UnknownRevision` for a database of a newer version, before anything is written.
    """
    before, is_pending = await state(database_url)
    if before != head():
        await change_tables(database_url)
    if before != head() or is_pending:
        async with _connected(database_url) as connection:
            await upgrade.finish(connection, report)
    return before, head()


async def change_tables(database_url: str, target: str = "head") -> None:
    """Run the migrations up to a revision, in one transaction; steps for stored calls are only recorded."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    def run(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, target)

    engine = create_async_engine(re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", database_url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def run_sql(name: str) -> None:
    """Run the statements of a migration file one by one; the driver accepts only one."""
    from alembic import op

    for statement in statements((FOLDER / "versions" / name).read_text(encoding="utf-8")):
        op.execute(statement)


def statements(sql: str) -> list[str]:
    """Split SQL at the semicolons that end a line, comments left out; migrations have no function bodies."""
    bare = re.sub(r"--[^\n]*", "", sql)
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", bare) if part.strip()]
