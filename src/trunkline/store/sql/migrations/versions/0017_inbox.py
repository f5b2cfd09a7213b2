"""Payloads that were not read, in an inbox of their own."""

from trunkline.store.migrations import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0017_inbox.sql")
