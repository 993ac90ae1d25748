"""One place writes to stdout and stderr, so that no secret and nothing that steers a terminal leaves past it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.walk import house, imports, trees

THE_PLACE = "mediameter.terminal"
LOOKS = {
    "mediameter.doctor.house": "asks for the encoding of stdout",
    "flows.embedded": "hands stderr to the server that it starts",
}
_STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
_PRINTERS = {"print", "pprint", "echo", "secho", "print_exc", "Console", "print_json"}


def _writes(tree: ast.AST) -> Iterator[str]:
    """What writes to a terminal, or gets hold of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.rpartition(".")[2] in _PRINTERS and not name.endswith("console.print"):
                yield f"line {node.lineno}: {name}"
        if (
            isinstance(node, ast.Attribute)
            and node.attr in _STREAMS
            and ast.unparse(node.value) in ("sys", "subprocess")
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "code",
    ["print(x)", "typer.echo(x)", "sys.stdout.write(x)", "f(sys.stderr)", "rich.console.Console()", "Console(width=3)",
     "traceback.print_exc()", "click.secho(x)"],
)  # fmt: skip
def test_the_walk_sees_a_way_out(code: str) -> None:
    assert list(_writes(ast.parse(code)))


def test_a_console_that_was_handed_over_is_no_way_out() -> None:
    assert not list(_writes(ast.parse("self.console.print(x); console.print(table)")))


def test_one_place_writes_to_the_terminal() -> None:
    found = {module: list(_writes(trees()[module])) for module in house() if module != THE_PLACE}
    assert {module: writes for module, writes in found.items() if writes and module not in LOOKS} == {}
    assert set(LOOKS) <= {module for module, writes in found.items() if writes}, "an exception that is none"
    assert list(_writes(trees()[THE_PLACE]))


def test_nobody_takes_a_stream_or_a_logger_by_name() -> None:
    """``from sys import stdout`` would be a way past; loggers of ours there are none but Apprise's listener, the one
    that keeps Prefect silent, and that of units that fail, which MEDIAMETER_TRACEBACK=1 alone shows."""
    taken = {(module, name) for module in house() for name in imports(module)}
    assert {module for module, name in taken if name in {f"sys.{each}" for each in _STREAMS}} == set()
    loggers = {module for module, name in taken if name.partition(".")[0] == "logging"}
    ours = {"mediameter.discretion", "mediameter.bulkheads", "mediameter.cli.shared"}
    assert loggers == {*ours, "mediameter.alerts.services", "flows.hourly"}
