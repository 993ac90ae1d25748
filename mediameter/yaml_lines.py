"""YAML that people write: read so that every complaint can name file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mediameter.errors import UserError

LINE = "line of the file"  # no key that anybody writes


if TYPE_CHECKING:
    from yaml import SafeLoader as Loader
else:  # libyaml's is ten times as fast; wheels of PyYAML have it
    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Line(int):
    """The line that a mapping begins on; ``of``: those of its keys."""

    of: dict[str, int]

    def __new__(cls, begin: int, of: dict[str, int]) -> Line:
        line = super().__new__(cls, begin)
        line.of = of
        return line


class _Lines(Loader):
    """YAML whose mappings know the line that they begin on."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines = {key.value: key.start_mark.line + 1 for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        return {**super().construct_mapping(node, deep=deep), LINE: Line(node.start_mark.line + 1, lines)}


def parsed(place: str, text: str) -> Any:
    """The content of a file. Raises ``UserError`` with place and line where it is no YAML."""
    try:
        return yaml.load(text, _Lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        last = max(1, len(text.splitlines()))  # what is not closed is found behind the end
        at = f"{place} line {min(mark.line + 1, last)}" if mark else place
        raise UserError(f"{at}: this is not YAML ({getattr(error, 'problem', '')})", "correct the file") from None


def texts(ours: Traversable, place: str, own: Path) -> dict[str, str]:
    """The texts of the house's files, told as of ``place``, then of a user's own, each in the order of their names.

    Raises ``UserError`` for one of the user's that cannot be read.
    """
    shipped = sorted((each for each in ours.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    found = {f"{place}/{each.name}": each.read_text(encoding="utf-8") for each in shipped}
    return found | {str(path): readable(path) for path in sorted(own.glob("*.y*ml"))}


def readable(path: Path) -> str:
    """The text of a user's file. Raises ``UserError`` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = f"{path} cannot be read ({type(error).__name__})"
        raise UserError(why, "see its rights; save it as UTF-8") from None


def mapping(value: Any, place: str, known: Iterable[str], examples: str) -> dict[str, Any]:
    """The value, if it is names with values and all of them are known. ``examples``: where to see how it is written."""
    if not isinstance(value, dict):
        raise UserError(f"{place}: this is not a mapping of names to values", f"see {examples} for examples")
    for name in value:
        if name not in (*known, LINE):
            near = get_close_matches(str(name), known, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
            raise UserError(f"{line_of(place, value, name)}: unknown key {name!r}", remedy)
    return value


def line_of(place: str, value: Mapping[str, Any], key: Any = None) -> str:
    """Where a mapping begins, or where its key stands."""
    line = value[LINE]
    return f"{place} line {line.of.get(key, line)}"


def plain(value: Any) -> Any:
    """As the file has it, without lines."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items() if key != LINE} if isinstance(value, dict) else value
