"""Old calls are counted, placed in the order of changes and indexed."""

from trunkline.store.migrations import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0011_upgrade.sql")
