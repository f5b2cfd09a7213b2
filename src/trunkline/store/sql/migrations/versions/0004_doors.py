"""Doors: where calls come from, what was sent, and what changed when."""

from trunkline.store.migrations import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0004_doors.sql")
