"""The tables of the machinery lead with the tenant, as those of analysts do."""

from sql.migrations import owners
from sql.migrations.tenant_first import lead_index_with_tenant, lead_with_tenant
from sql.migrations.views import drop_views, make_views

revision = "0026"
down_revision = "0025"

_KEYS = {
    "identity": ["name"],
    "objects": ["object_id"],
    "object_hours": ["object_id", "hour_at"],
    "lake_files": ["path"],
    "rejects": ["object_id", "line_number"],
    "fences": ["family", "day"],
    "listings": ["source"],
    "sightings": ["source", "part"],
    "exports": ["source", "table_name", "export_day"],
    "row_rejects": ["source", "table_name", "row_id"],
    "outbox": ["message_key", "channel_id"],
    "lake_runs": ["run_id"],
    "lake_retired": ["path"],
    "prices": ["price_id"],
    "incidents": ["incident_id"],
    "alert_silences": ["silence_id"],
}


def upgrade() -> None:
    whose = owners.decide()
    drop_views()
    for table, others in _KEYS.items():
        lead_with_tenant(table, *others)
    owners.write(whose)
    lead_index_with_tenant("objects_by_key", "objects", ["source", "object_key"], mysql_length={"object_key": 512})
    lead_index_with_tenant("objects_by_head", "objects", ["source", "head_hash"])
    lead_index_with_tenant("object_hours_by_hour", "object_hours", ["hour_at"])
    lead_index_with_tenant("incidents_by_fingerprint", "incidents", ["fingerprint"])
    lead_index_with_tenant("outbox_by_state", "outbox", ["state", "sequence"])
    make_views(revision)
