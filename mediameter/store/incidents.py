"""The table `incidents`. What an incident is and when it ends is decided in `alerts`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from mediameter.store.warehouse import Row, chunks, frame_of, insert, tables
from schemas.alerts import INCIDENTS

_incidents = tables[INCIDENTS.name]


def replace(connection: sa.Connection, incident_ids: Collection[str], rows: Sequence[Row]) -> None:
    """Deletes the incidents of these ids and inserts these rows: an id without a row is gone."""
    for ids in chunks(list(incident_ids)):
        connection.execute(_incidents.delete().where(_incidents.c.incident_id.in_(ids)))
    insert(connection, INCIDENTS, frame_of(rows, INCIDENTS))
