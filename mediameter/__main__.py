"""``python -m mediameter`` is the command."""

from __future__ import annotations

import sys

from mediameter.cli import main

if __name__ == "__main__":
    sys.exit(main())
