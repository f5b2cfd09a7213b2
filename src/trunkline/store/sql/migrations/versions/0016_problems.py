"""What could not be read of a payload, named."""

from trunkline.store.migrations import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0016_problems.sql")
