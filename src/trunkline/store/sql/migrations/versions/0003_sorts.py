"""Ends and durations: their indexes, their running totals, and calls that lack what a list is sorted by."""

from trunkline.store.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0003_sorts.sql")
