"""What a family of rollups is called stands in `families/` and in the vocabulary, and nowhere else."""

from __future__ import annotations

import ast
import re

from mediameter import families
from tests.architecture.walk import room_of, trees

NAMES = {family.name for family in families.FAMILIES} | set(families.fences()) - {"quality"}
OTHER_MEANINGS = {
    "mediameter.alerts.book": "what a rule needs",
    "mediameter.alerts.catalogue": "what a rule needs",
    "mediameter.alerts.rule": "what a rule needs",
    "mediameter.alerts.rule_files": "what a rule needs",
    "mediameter.alerts.rule_tests": "what a rule needs",
    "mediameter.steps.alert.judge": "what a rule needs",
    "mediameter.steps.alert.messages": "what a rule needs",
    "mediameter.steps.alert.watch": "what a rule needs",
    "mediameter.settings.budgets": "which costs a budget is of",
    "mediameter.settings.fingerprint": "a part of the settings",
    "mediameter.settings.models": "what a system supplies",
    "mediameter.systems": "what a system supplies, and kinds of lake files",
    "mediameter.answers.themes": "columns of answers",
    "mediameter.demo.event_file": "columns of tables",
    "mediameter.demo.palette": "columns of tables",
    "mediameter.report": "a part of the page",
}


def modules() -> dict[str, ast.Module]:
    """Every product module outside `families` by its dotted name; neither the vocabulary nor migrations."""
    others = ("schemas", "sql", "tests", "benchmarks", "tests.reference", "mediameter.families")
    return {name: tree for name, tree in trees().items() if room_of(name) not in others}


def test_no_room_but_families_knows_a_family_by_name() -> None:
    spellers = {
        module
        for module, tree in modules().items()
        if {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & NAMES
    }
    rooms = {name: name.rpartition(".")[0] for name in spellers}
    assert {name for name, room in rooms.items() if not {name, room} & set(OTHER_MEANINGS)} == set()


def test_nobody_compares_a_family_with_a_text() -> None:
    """``row.family == "…"`` is a branch for one family. Of parsers, an operation's family is another thing."""
    asked = re.compile(r"family\W* (==|!=|in|not in) \(?[\"']")
    assert asked.search(ast.unparse(ast.parse("row['family'] == 'any'"))), "it would be seen"
    compared = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if not module.startswith("parsers.") and isinstance(node, ast.Compare) and asked.search(ast.unparse(node))
    }
    assert compared == set()
