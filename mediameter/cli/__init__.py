"""The command. It turns words into calls of the steps, results into text or JSON, and errors into one line.

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once.
"""

from mediameter.cli.app import app
from mediameter.cli.way_out import main

__all__ = ["app", "main"]
