"""Alembic's revisions, and the column types that they are written in."""
