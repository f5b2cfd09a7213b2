"""Doors: where calls come from, what was sent, and what changed when."""

from trunkline.store.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0003_doors.sql")
