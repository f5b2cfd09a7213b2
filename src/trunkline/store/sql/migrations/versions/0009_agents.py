"""What agents and campaigns did, by status."""

from trunkline.store.migrations import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0009_agents.sql")
