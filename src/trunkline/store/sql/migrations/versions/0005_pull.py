"""Pulls, and the ledger of what vendors say they have."""

from trunkline.store.migrations import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0005_pull.sql")
