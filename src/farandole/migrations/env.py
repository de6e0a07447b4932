"""Alembic runs this in the transaction it is given: a history is applied whole or not at all."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
