"""Runs the migrations on the connection that the store hands over; the store owns transaction and backup."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
context.run_migrations()
