"""Our own modules, for tests that look at how the house is built: their source, their rooms, what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("flows", "parsers", "schemas", "sql", "mediameter", "tests", "benchmarks")


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of ours, by its dotted name."""
    files = (file for top in OURS for file in sorted((ROOT / top).rglob("*.py")))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text()) for file in files}


def room_of(module: str) -> str:
    """``mediameter.steps.run`` is in the room ``mediameter.steps``, ``parsers.access_log`` in ``parsers``."""
    top, _, rest = module.partition(".")
    is_split = top == "mediameter" or module.startswith("tests.reference")
    return f"{top}.{rest.partition('.')[0]}" if is_split and rest else top


def imports(module: str) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it; ``from a import b`` is ``a.b``."""
    package = module.removesuffix(".__init__") if module.endswith(".__init__") else module.rpartition(".")[0]
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (above, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def in_room(*rooms: str) -> list[str]:
    return [module for module in trees() if room_of(module) in rooms]


def house() -> list[str]:
    """What the table speaks of: tests and benchmarks may import everything, but for the reference."""
    return [module for module in trees() if room_of(module) not in ("tests", "benchmarks")]
