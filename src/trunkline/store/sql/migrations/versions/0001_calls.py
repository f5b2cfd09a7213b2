"""The ground floor: orgs, keys, calls, their transcripts, and what was seen of them."""

from trunkline.store.migrations import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0001_calls.sql")
