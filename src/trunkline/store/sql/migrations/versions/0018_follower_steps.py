"""When the step of a follower began, so that one whose process was killed is counted."""

from trunkline.store.migrations import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0018_follower_steps.sql")
