"""The image's definition, as far as it can be held against the house without building it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mediameter.premises import HOUSE, OURS


def test_what_runs_is_in_the_image_and_nothing_else() -> None:
    """`*` leaves all out, then `!` lets in by name."""
    rules = [line for line in (HOUSE / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert {*OURS, "LICENSE", "mediameter", "prefect.yaml", "pyproject.toml", "requirements.lock"} == let_in
    assert all((HOUSE / name).exists() for name in let_in)


def test_packages_come_by_hash_and_the_user_is_not_root() -> None:
    definition = (HOUSE / "Dockerfile").read_text()
    assert "--require-hashes" in definition and "--no-deps" in definition
    base = re.search(r"^ARG BASE=python:(\S+)-slim$\nFROM \$\{BASE\}$", definition, re.MULTILINE)
    assert base and f'requires-python = ">={base[1]}"' in (HOUSE / "pyproject.toml").read_text()
    user = definition.rindex("\nUSER mediameter")
    assert "\nRUN" not in definition[user:] and definition.rindex("\nENTRYPOINT") > user


def entries(lock: str) -> dict[str, set[str]]:
    """By package, what a lock says of it: version, markers, hashes; not who asked for it."""
    text = Path(HOUSE / lock).read_text()
    parts = [part for part in re.split(r"\n(?=[a-z])", text) if re.match("[a-z]", part)]
    lines = [[line.strip(" \\") for line in part.splitlines() if not line.lstrip().startswith("#")] for part in parts]
    return {said[0].partition("==")[0]: set(said) for said in lines}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_of_a_lock_has_a_hash_and_none_an_address(lock: str) -> None:
    found = entries(lock)
    assert len(found) > 100
    assert [name for name, said in found.items() if not any("--hash=" in each for each in said)] == []
    assert "://" not in Path(HOUSE / lock).read_text()


def test_the_image_holds_no_tool_of_development() -> None:
    """The product's lock alone goes into it; development has the very same versions, and more."""
    product, development = entries("requirements.lock"), entries("requirements-dev.lock")
    tools = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=~ ]", tool)[0].lower() for tool in tools}
    assert {"pytest", "moto", "uv"} <= names <= set(development)
    assert names & set(product) == set()
    assert {name: development.get(name) for name in product} == product
    assert "requirements-dev" not in (HOUSE / "Dockerfile").read_text()
