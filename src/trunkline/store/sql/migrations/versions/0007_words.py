"""The words that were said in calls."""

from trunkline.store.migrations import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0007_words.sql")
