"""What a deleted call leaves to be cleaned up, and answers to repeated requests that name their calls."""

from trunkline.store.migrations import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0015_erase.sql")
