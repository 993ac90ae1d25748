"""Tables of the application as they are there: what is read of them, and the frames that the reading gives.

A column's ``doc`` says what it is there; NULL is told by the declaration alone, since such a table is held to nothing.
``json`` comes as text. What stands under ``_UNREAD`` is known to be there and not read: any other column is new.
"""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.source_table import SourceTable
from schemas.vocabulary import EVENT_TYPES

_NONE = "none"


def _text(name: str, doc: str) -> Column:
    return Column(name, "text", doc, null=_NONE)


MEDIA_ANALYTICS_ROW = Contract(
    "media_analytics",
    "row of media_analytics",
    "What the application recorded, as it stands there. Never written anywhere.",
    (
        _text("id", "Id of the row."),
        _text("media_file_id", "In media_files."),
        _text("event_type", "view, download, transform, share."),
        _text("user_id", "Who."),
        _text("application_id", "In applications."),
        Column("ip_address", "text", "Client address.", null=_NONE, pii="personal"),
        _text("user_agent", "User agent, verbatim."),
        Column("referer", "text", "Referer, verbatim.", null=_NONE, pii="personal"),
        _text("variant_type", "Which variant."),
        Column("timestamp", "instant", "When.", null="none, or not to be read"),
        Column("metadata", "text", "JSON: what the row is about.", null=_NONE, pii="personal"),
    ),
    kind="frame",
)
MEDIA_FILES_ROW = Contract(
    "media_files",
    "row of media_files",
    "A file that the application knows, as it stands there.",
    (
        _text("id", "Id of the file."),
        _text("storage_key", "Key of the object in the storage."),
        _text("original_filename", "Name that it was uploaded under."),
        _text("user_id", "Whose it is."),
        _text("application_id", "In applications."),
        Column("file_size", "int", "Bytes.", null=_NONE),
        _text("mime_type", "MIME type."),
        Column("width", "int", "Pixels.", null=_NONE),
        Column("height", "int", "Pixels.", null=_NONE),
        Column("duration_seconds", "float", "Length of a video.", null=_NONE),
        Column("uploaded_at", "instant", "Upload.", null=_NONE),
        Column("updated_at", "instant", "Last change.", null=_NONE),
        Column("is_deleted", "bool", "Deleted.", null=_NONE),
        Column("deleted_at", "instant", "Since when.", null=_NONE),
    ),
    kind="frame",
)
APPLICATIONS_ROW = Contract(
    "applications",
    "row of applications",
    "An application, as it stands there.",
    (_text("id", "Id."), _text("name", "Name."), _text("slug", "Short name, as keys have it.")),
    kind="frame",
)

MEDIA_ANALYTICS = SourceTable(MEDIA_ANALYTICS_ROW, "id", cursor="timestamp", json=frozenset({"metadata"}))
MEDIA_FILES = SourceTable(
    MEDIA_FILES_ROW,
    "id",
    changed="updated_at",
    unread=frozenset(
        {"collection_id", "file_extension", "content_hash", "created_at", "processing_status", "is_public", "metadata"}
    ),
)
APPLICATIONS = SourceTable(
    APPLICATIONS_ROW,
    "id",
    unread=frozenset({"settings", "created_at", "updated_at"}),
)
DAILEY_MEDIA = (APPLICATIONS, MEDIA_FILES, MEDIA_ANALYTICS)

# --- what is made of media_analytics, before the door -------------------------------------------------
APP_EVENT = Contract(
    "app_event",
    "one event of the application",
    "Events as read: addresses and referers verbatim. Never written anywhere.",
    (
        Column("event_id", "text", "Id of the row; of a pair, of the access row."),
        Column("at", "instant", "When; of a pair, by the access row."),
        Column("event_type", "text", "What the user did.", among=EVENT_TYPES),
        Column("media_file_id", "text", "In media_files."),
        _text("application_id", "In applications."),
        _text("user_id", "Who."),
        Column("ip_address", "text", "Client address.", null=_NONE, pii="personal"),
        _text("user_agent", "User agent, verbatim."),
        Column("referer", "text", "Referer, verbatim.", null=_NONE, pii="personal"),
        _text("variant_type", "Which variant."),
        Column("app_bytes", "int", "Bytes as the application guesses them.", null="not said", unit="bytes", least=0),
        Column("row_count", "int", "Rows that it was recorded in: 1 or 2.", least=1),
    ),
    kind="frame",
)
