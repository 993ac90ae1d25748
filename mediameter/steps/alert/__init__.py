"""Rules, incidents, and the messages that people are sent."""
