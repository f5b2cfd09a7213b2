"""${message}"""

from trunkline.store.migrations import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql("${up_revision}_${message}.sql")
