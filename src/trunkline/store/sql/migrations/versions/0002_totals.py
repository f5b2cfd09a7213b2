"""Running totals, the indexes that pages are read from, and transcripts as bytes."""

from trunkline.store.migrations import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0002_totals.sql")
