"""What still counts of the events of live calls."""

from trunkline.store.migrations import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0013_live.sql")
