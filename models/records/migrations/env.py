"""Runs the migrations on the connection it is given, or writes them as SQL."""

from alembic import context

from models.records.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
