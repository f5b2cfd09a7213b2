"""Migrations: Alembic revisions whose statements are plain SQL files beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from sqlalchemy import Connection

FOLDER = Path(__file__).parent / "sql" / "migrations"
_LOCK = 7_204_911
"""Key of the advisory lock that keeps two processes from migrating at once."""


def head() -> str:
    """The newest revision that this version of the code brings."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("*.sql"))


async def revision(database_url: str) -> str | None:
    """The revision that a database has; `None` for a new one."""
    connection = await asyncpg.connect(database_url)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return version
    finally:
        await connection.close()


async def migrate(database_url: str) -> tuple[str | None, str]:
    """Bring a database to the newest revision; answers the revisions before and after.

    Alembic and SQLAlchemy are loaded only if there is something to do, since they take longer to load than
    everything else together.
    """
    before = await revision(database_url)
    if before != head():
        await _upgrade(database_url)
    return before, head()


async def _upgrade(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    engine = create_async_engine(re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", database_url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def run_sql(name: str) -> None:
    """Run the statements of a migration file one by one; the driver takes no more at once."""
    from alembic import op

    for statement in statements((FOLDER / "versions" / name).read_text(encoding="utf-8")):
        op.execute(statement)


def statements(sql: str) -> list[str]:
    """Split SQL at the semicolons that end a line, comments left out; migrations hold no function bodies."""
    bare = re.sub(r"--[^\n]*", "", sql)
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", bare) if part.strip()]
