"""What reading the tables that a system is looked up by comes to, whichever system it is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Read:
    """``rejects``: by table, the rows that could not be taken: id, reason, detail."""

    applications: int = 0
    files: int = 0
    rejects: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
