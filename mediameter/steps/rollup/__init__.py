"""From the lake to the rollups, day by day."""
