"""The image's definition, as far as it can be held against the house without building it."""

from __future__ import annotations

import re
from pathlib import Path

from mediameter.premises import HOUSE, OURS


def test_what_runs_is_in_the_image_and_nothing_else() -> None:
    """`*` leaves all out, then `!` lets in by name."""
    rules = [line for line in (HOUSE / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert {*OURS, "mediameter", "prefect.yaml", "pyproject.toml", "requirements.lock"} == let_in
    assert all((HOUSE / name).exists() for name in let_in)


def test_packages_come_by_hash_and_the_user_is_not_root() -> None:
    definition = (HOUSE / "Dockerfile").read_text()
    assert "--require-hashes" in definition and "--no-deps" in definition
    base = re.search(r"^FROM python:(\S+)-slim$", definition, re.MULTILINE)
    assert base and f'requires-python = ">={base[1]}"' in (HOUSE / "pyproject.toml").read_text()
    user = definition.rindex("\nUSER mediameter")
    assert "\nRUN" not in definition[user:] and definition.rindex("\nENTRYPOINT") > user


def test_every_package_of_the_lock_has_a_hash() -> None:
    entries = re.split(r"\n(?=[a-z])", Path(HOUSE / "requirements.lock").read_text())
    assert [entry.splitlines()[0] for entry in entries if re.match("[a-z]", entry) and "--hash=" not in entry] == []
