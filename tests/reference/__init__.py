"""The slow, independent reference: what the figures must be, in plain Python, one line at a time."""
