"""Requests of final days, written into the application's own table."""
