"""From log objects and event files to the lake."""
