"""Tables and columns under the names that the code has for them now."""

from trunkline.store.migrations import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("0010_names.sql")
