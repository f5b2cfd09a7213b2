"""A big folder made from a smaller one: each call several times over, with ids and times of its own.

Loading ten million calls one by one takes hours on a small machine and shows nothing that loading one million
does not. The copies have new ids, and their times are later by a fixed step each, in the columns and in the
stored JSON; indexes are rebuilt and the totals counted from the calls.
"""

from __future__ import annotations

import sys
import time

import asyncpg

from trunkline.store.columns import NAMES
from trunkline.store.totals.totals import differences, mend

STEP = "interval '97 minutes'"
"""How much later each copy is than the one before."""

TABLES = ("calls", "call_transcripts", "call_terms")

FUNCTIONS = """
CREATE OR REPLACE FUNCTION pg_temp.printed(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '"' || replace(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') || 'Z"'
$$;
CREATE OR REPLACE FUNCTION pg_temp.moved(body text, at timestamptz, later interval) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN at IS NULL THEN body
        ELSE replace(body, pg_temp.printed(at), pg_temp.printed(at + later)) END
$$;
CREATE OR REPLACE FUNCTION pg_temp.other(id uuid, copy integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT md5(id::text || '/' || copy)::uuid
$$;
CREATE OR REPLACE FUNCTION pg_temp.digest(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(sha256(uuid_send(id)) FROM 1 FOR 16), 'hex')::uuid
$$;
"""


async def multiply(url: str, org: str, times: int) -> None:
    """Multiply each call of an org, the original included."""
    connection = await asyncpg.connect(url, command_timeout=None)
    try:
        org_id = await connection.fetchval("SELECT org_id FROM orgs WHERE name = $1", org)
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await connection.execute(FUNCTIONS)
        indexes = await _drop_indexes(connection)
        await connection.execute("DELETE FROM call_totals WHERE org_id = $1", org_id)
        await connection.execute("CREATE TEMP TABLE originals (id uuid)")
        await connection.execute("INSERT INTO originals SELECT id FROM calls WHERE org_id = $1", org_id)
        await connection.execute("ANALYZE originals")
        for copy in range(1, times):
            _tell(f"copy {copy} of {times - 1}")
            await connection.execute(_COPY_CALLS.format(step=STEP), org_id, copy)
            await connection.execute(_COPY_TRANSCRIPTS, org_id, copy)
            await connection.execute(_COPY_WORDS, org_id, copy)
        for statement in indexes:
            _tell(statement[:90])
            await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE) calls, call_transcripts, call_terms")
    finally:
        await connection.close()
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1, command_timeout=None)
    _tell("totals")
    await mend(pool, org_id)
    off = await differences(pool, org_id)
    if off:
        raise RuntimeError(f"{len(off)} totals are off")
    await pool.execute("VACUUM (ANALYZE) call_totals")
    await pool.execute("CHECKPOINT")
    await pool.close()


_MOVED = {
    "id": "n.id",
    "digest": "pg_temp.digest(n.id)",
    "vendor_call_id": "n.id::text",
    **{name: f"{name} + n.later" for name in ("created_at", "started_at", "ended_at")},
    "revision": "1",
    "body": """pg_temp.moved(pg_temp.moved(pg_temp.moved(
        replace(c.body, c.id::text, n.id::text),
        created_at, n.later), started_at, n.later), ended_at, n.later)""",
}
"""The columns in which a copy differs from its original."""

_COPY_CALLS = f"""
INSERT INTO calls (org_id, {", ".join(NAMES)})
SELECT org_id, {", ".join(_MOVED.get(name, f"c.{name}") for name in NAMES)}
FROM calls c CROSS JOIN LATERAL (
    SELECT pg_temp.other(c.id, $2::integer) AS id, $2::integer * {{step}} AS later
) n
WHERE org_id = $1 AND c.id IN (SELECT id FROM originals)
"""

_COPY_TRANSCRIPTS = """
INSERT INTO call_transcripts (org_id, call_id, body, search)
SELECT org_id, pg_temp.other(call_id, $2::integer), body, search FROM call_transcripts
WHERE org_id = $1 AND call_id IN (SELECT id FROM originals)
"""


_COPY_WORDS = """
INSERT INTO call_terms (org_id, call_id, term_ids)
SELECT org_id, pg_temp.other(call_id, $2::integer), term_ids FROM call_terms
WHERE org_id = $1 AND call_id IN (SELECT id FROM originals)
"""


async def _drop_indexes(connection: asyncpg.Connection) -> list[str]:
    """Drop the indexes of the tables; returns the statements that create them again."""
    statements = []
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS place, conname, pg_get_constraintdef(oid) AS definition"
        " FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text = ANY($1)",
        list(TABLES),
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['place']} DROP CONSTRAINT {key['conname']}")
        statements.append(f"ALTER TABLE {key['place']} ADD CONSTRAINT {key['conname']} {key['definition']}")
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1) AND schemaname = 'public'",
        list(TABLES),
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
        statements.append(index["indexdef"])
    return statements


def _tell(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)
