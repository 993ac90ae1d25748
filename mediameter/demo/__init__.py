"""A small world that looks real and whose truth is known: what ``mediameter demo`` runs on.

The truth is counted while the logs are being written, from what was meant; nothing here reads a log line.
"""
