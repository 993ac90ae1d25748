"""Work that is done again: backfill, replay, reprice; a lake adopted, a warehouse moved."""
