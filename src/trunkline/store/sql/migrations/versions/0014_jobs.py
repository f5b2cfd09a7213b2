"""Work in the background: jobs, the places of followers, and the queue that runs jobs."""

from trunkline.store.migrations import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0014_jobs.sql")
