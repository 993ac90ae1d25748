"""Alembic's environment: runs on the connection that `store.migration` hands over, inside its transaction."""

from alembic import context

from mediameter.store.warehouse import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
