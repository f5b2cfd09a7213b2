"""Calls are told apart by whether somebody was engaged in them."""

from trunkline.store.migrations import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0012_engaged.sql")
