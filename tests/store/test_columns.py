"""The list of columns is what the tables have, and each of its columns comes from the call."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

from tests.conftest import Background
from trunkline.compose import Services
from trunkline.kit.losses import full_call
from trunkline.model.call import Call
from trunkline.model.sighting import sighting_of
from trunkline.model.words import Direction, Status
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.columns import COLUMNS, NAMES, STATE_COLUMNS, values_of
from trunkline.store.groupings import Grouping

DOCS = Path(__file__).parents[2] / "docs"
CATALOG = """
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = 'calls'::regclass AND attnum > 0 AND NOT attisdropped
"""


def test_the_list_names_every_column_of_the_table_with_its_type(
    background: Background, joined: Services
) -> None:
    there = {row["attname"]: row["type"] for row in background.run(joined.pool.fetch(CATALOG))}
    named = {column.name: column.sql_type for column in COLUMNS} | dict(STATE_COLUMNS) | {"org_id": "integer"}
    assert named == {
        name: kind.replace("timestamp with time zone", "timestamptz") for name, kind in there.items()
    }


def test_a_call_is_stored_with_what_the_list_reads_from_it(background: Background, joined: Services) -> None:
    """By the write statement and by COPY alike, with every field and with next to none."""
    name = f"columns-{uuid.uuid4().hex[:12]}"
    background.run(joined.keys.create(name))
    org = Org(background.run(joined.keys.org_id(name)), name)
    full = full_call()
    bare = Call(
        id="00000000-0000-4000-8000-000000000001",
        vendor="bare",
        vendor_call_id="1",
        status=Status.QUEUED,
        direction=Direction.UNKNOWN,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    many = [
        Call(
            id=f"00000000-0000-4000-8000-{number:012d}",
            vendor="many",
            vendor_call_id=str(number),
            status=Status.COMPLETED,
            direction=Direction.INBOUND,
            created_at=datetime(2026, 3, 1, tzinfo=UTC),
            duration_ms=number,
        )
        for number in range(2, 90)
    ]
    for batch in ([full], [bare], many):
        background.run(joined.intake.ingest(org, [Received(sighting_of(call)) for call in batch], "test"))
    rows = background.run(
        joined.pool.fetch(f"SELECT {', '.join(NAMES)} FROM calls WHERE org_id = $1", org.id)
    )
    stored = {str(row["id"]): row for row in rows}
    for call in [full, bare, *many]:
        row = stored[call.id]
        for column, value in zip(COLUMNS, values_of(call), strict=True):
            found = row[column.name]
            expected = uuid.UUID(value) if column.sql_type == "uuid" and value is not None else value
            assert found == expected, column.name
        assert row["revision"] == 1
    assert len(stored) == 2 + len(many)


def test_every_grouping_is_in_the_page_about_totals_with_its_number() -> None:
    text = (DOCS / "why" / "totals.md").read_text()
    missing = [one.name for one in Grouping if f"`{one.name.lower()}` {one:d} " not in text]
    assert missing == []
