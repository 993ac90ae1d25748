"""Finding the peers that are no Python of ours; a peer that cannot be had is skipped by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def goaccess(*, install: bool) -> str | None:
    """Path of GoAccess; root gets it from Debian."""
    if install and not shutil.which("goaccess") and hasattr(os, "geteuid") and os.geteuid() == 0:
        _succeeds(["apt-get", "install", "-y", "goaccess"])
    return shutil.which("goaccess")


def goaccess_command(program: str, report: Path, files: list[Path]) -> list[str]:
    """All of its panels, as JSON. Its format for S3 logs is built in."""
    options = ["--log-format=AWSS3", "--no-global-config", "--no-progress", "-o", str(report)]
    return [program, *map(str, files), *options]


def goaccess_totals(report: Path) -> dict[str, Any]:
    """What its report says."""
    said = json.loads(report.read_text(errors="replace"))["general"]
    return {"requests": said["valid_requests"], "failed": said["failed_requests"], "bytes_sent": said["bandwidth"]}


def chdb_python(folder: Path, *, install: bool) -> str | None:
    """The interpreter of an environment that has chDB; made once below ``folder``."""
    python = folder / "chdb" / "bin" / "python"
    if not python.exists() and install:
        _succeeds([sys.executable, "-m", "venv", str(folder / "chdb")])
        _succeeds([str(python), "-m", "pip", "install", "--quiet", "chdb"])
    return str(python) if _succeeds([str(python), "-c", "import chdb"]) else None


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
