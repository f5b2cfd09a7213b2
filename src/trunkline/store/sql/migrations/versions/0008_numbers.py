"""Numbers of which running totals are kept."""

from trunkline.store.migrations import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0008_numbers.sql")
