"""Executes the table of rooms in docs/architecture.md: who imports whom, who touches the world, what is called how."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from schemas import TABLES, VIEWS
from schemas.contract import Column, Contract
from schemas.records import PARSED, RECORD, REJECTED
from tests.architecture.walk import OURS, ROOT, house, imports, in_room, room_of, trees

CONTRACTS = (*TABLES, *VIEWS, PARSED, REJECTED, RECORD)


def _rooms() -> Iterator[tuple[str, set[str]]]:
    """Room and whom it may import, of each row of the page's table."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for row in re.findall(r"^\| `([\w.]+)` \| .* \| (.*) \| .* \|$", page.partition("## Rooms")[2], re.MULTILINE):
        names = {name for name in row[1].split(", ") if name != "–"}
        names |= TOOLS if "tools" in names else set()
        yield _whole(row[0]), {_whole(name) for name in names - {"tools"}}


def _whole(room: str) -> str:
    return room if room.partition(".")[0] in OURS else f"mediameter.{room}"


TOOLS = {"errors", "atomic", "faults", "yaml_lines", "numbers", "loopback", "printable", "discretion"}
# A room may import itself and what stands here; a room that is not here may not exist.
MAY_IMPORT = dict(_rooms())
PURE = ("schemas", "parsers", "mediameter.metering")
WORLDLY_MODULES = {
    "os",
    "time",
    "socket",
    "subprocess",
    "pathlib",
    "shutil",
    "tempfile",
    "httpx",
    "boto3",
    "sqlalchemy",
}
WORLDLY_CALLS = {"open", "now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes", "getenv"}
PREFECT = {
    "flows",
    "mediameter.settings",  # loads a Secret block where a setting names one
}
ENVIRONMENT = {
    "mediameter.settings",
    "flows.embedded",  # hands its own environment, less Prefect's settings, to the server that it starts
}
VAGUE = {"utils", "util", "helpers", "helper", "manager", "processor", "common", "data", "misc"}


def test_the_walk_finds_the_house() -> None:
    assert len(house()) > 40
    assert {room_of(module) for module in house()} == set(MAY_IMPORT), "a room that is gone"
    assert {"schemas", "parsers", "mediameter.metering", "mediameter.cli"} <= {room_of(module) for module in house()}


@pytest.mark.parametrize("module", house())
def test_imports_keep_to_the_table(module: str) -> None:
    room = room_of(module)
    assert room in MAY_IMPORT, f"{module}: a new room; say in docs/architecture.md whom it may import"
    ours = {room_of(name) for name in imports(module) if name.partition(".")[0] in OURS}
    ours = {f"mediameter.{'__init__'}" if name == "mediameter" else name for name in ours}
    assert ours <= MAY_IMPORT[room] | {room}


OPENERS = {
    "mediameter.opening.opened",  # for whoever writes
    "mediameter.opening.reader",  # for whoever reads
    "mediameter.opening.shadow",  # a copy that is gone afterwards
    "mediameter.opening.dry",  # an empty one that is gone afterwards
    "mediameter.commands.migrate",
    "mediameter.steps.redo.adopt",  # makes it belong to the lake
    "mediameter.steps.redo.moving",  # from one warehouse into another
}
WHO_OPENS = (
    "mediameter.steps",
    "mediameter.commands",
    "mediameter.opening",
    "mediameter.scheduling",
    "flows",
    "mediameter.cli",
)


def test_the_steps_open_the_warehouse_in_one_place() -> None:
    """There it is held against lake, key and sources; a step with an engine of its own could forget that."""
    named = {"mediameter.connect.engine", "mediameter.store.warehouse.ready"}
    users = {module for module in in_room(*WHO_OPENS) if named & set(imports(module))}
    calls = {
        module
        for module in in_room(*WHO_OPENS)
        for node in ast.walk(trees()[module])
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("warehouse.ready", "connect.engine")
    }
    assert users | calls <= OPENERS


def test_only_flows_know_prefect() -> None:
    users = {room_of(module) for module in house() if any(name.split(".")[0] == "prefect" for name in imports(module))}
    assert users <= PREFECT


def test_only_the_gate_knows_great_expectations() -> None:
    """It takes seconds to import, and so do the frames that it likes."""
    named = {"great_expectations", "pandas"}
    users = {module for module in house() if {name.split(".")[0] for name in imports(module)} & named}
    assert users == {f"mediameter.quality.{each}" for each in ("judging", "docs", "pages")}


@pytest.mark.parametrize("module", in_room(*PURE))
def test_pure_rooms_leave_the_world_alone(module: str) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & WORLDLY_MODULES
    assert not set(_called(trees()[module])) & WORLDLY_CALLS


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr


@pytest.mark.parametrize("module", in_room("mediameter.steps"))
def test_steps_draw_and_print_nothing(module: str) -> None:
    """A step returns a report; a command says it."""
    assert not {name.partition(".")[0] for name in imports(module)} & {"rich", "typer", "sys"}
    assert "print" not in _called(trees()[module])


def test_the_steps_are_few() -> None:
    """A newcomer reads one screen: the stations, and what they share."""
    assert len({module.split(".")[2] for module in in_room("mediameter.steps")}) <= 12


def test_settings_alone_read_the_environment() -> None:
    readers = {module for module in house() if _reads_the_environment(trees()[module])}
    assert {module for module in readers if not {module, room_of(module)} & ENVIRONMENT} == set()


def _reads_the_environment(tree: ast.AST) -> bool:
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return bool(names & {"environ", "environb", "getenv"})


def test_no_module_has_a_vague_name() -> None:
    assert {module for module in trees() if set(module.split(".")) & VAGUE} == set()


def test_every_module_says_why_it_is_there() -> None:
    assert {module for module in house() if not ast.get_docstring(trees()[module])} == set()


# --- how tables and columns are called ---------------------------------------------------------------
def every_column() -> list[tuple[Contract, Column]]:
    return [(contract, column) for contract in CONTRACTS for column in contract]


def test_a_column_tells_its_type_by_its_name() -> None:
    for contract, column in every_column():
        place, name = f"{contract.name}.{column.name}", column.name
        assert (column.type == "instant") == (name == "at" or name.endswith("_at")), place
        assert (column.type == "day") == (name == "day" or name.endswith("_day")), place
        assert (column.type == "bool") == name.startswith("is_"), place
        if name.endswith(("_ms", "_bytes", "_micros")):
            assert column.type == "int", place


def test_milliseconds_are_called_so() -> None:
    for contract, column in every_column():
        if column.unit == "ms":
            assert "_ms" in column.name, f"{contract.name}.{column.name}"


def test_money_stands_beside_its_currency() -> None:
    for contract in CONTRACTS:
        if any(name.endswith("_micros") for name in contract.names):
            assert "currency" in contract.key, contract.name


def test_a_rollup_ends_in_its_grain_and_leads_with_the_tenant() -> None:
    for contract in TABLES:
        if contract.kind == "rollup":
            grains = ("_hourly", "_daily", "_trailing", "_failures")  # the last: a row a failure
            assert contract.name.endswith(grains), contract.name
            assert contract.names[0] == "tenant" and contract.names[1] in ("day", "hour_at"), contract.name
            assert contract.additivity in ("A", "S"), contract.name


def test_a_key_is_never_null() -> None:
    assert [
        f"{contract.name}.{column.name}" for contract, column in every_column() if column.role == "key" and column.null
    ] == []
