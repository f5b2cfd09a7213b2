"""Runs migrations on the connection that was handed in; Alembic loads this file by its name."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
