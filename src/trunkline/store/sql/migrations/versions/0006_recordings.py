"""Recordings that are kept, and how far followers of changes have come."""

from trunkline.store.migrations import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0006_recordings.sql")
