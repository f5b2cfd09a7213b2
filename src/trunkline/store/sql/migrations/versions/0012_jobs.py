"""Work in the background: jobs, the places of followers, and the queue that runs jobs."""

from trunkline.store.migrations import run_sql

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0012_jobs.sql")
