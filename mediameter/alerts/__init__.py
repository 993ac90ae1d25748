"""Rules, their verdicts, incidents, and the messages about them."""
