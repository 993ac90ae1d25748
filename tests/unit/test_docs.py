"""What the pages tell people to do exists: commands, options, targets, pages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from mediameter.answers import catalogue
from mediameter.cli import app
from mediameter.settings import from_mapping

HOUSE = Path(__file__).resolve().parents[2]
PAGES = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_exists_with_its_options(page: Path) -> None:
    text = page.read_text()
    for line in re.findall(r"(?:bin/|`)mediameter ([a-z][^`#\n]*)", text):
        name, *words = line.split()
        assert name in COMMANDS, f"{page.name}: mediameter {line}"
        command = COMMANDS[name]
        if words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words[0]]
        known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        assert {word for word in words if word.startswith("--")} <= known, f"{page.name}: mediameter {line}"
        if name == "answer" and words and words[0].islower():
            assert words[0] in {answer.name for answer in catalogue()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"`((?:docs|benchmarks)/[\w./]+)`", page.read_text())
    assert all((HOUSE / name).exists() for name in named), named


def _texts() -> dict[str, str]:
    """Every text of the house by its path."""
    kinds = {".py", ".md", ".toml", ".yaml", ".sql"}
    tops = [HOUSE / top for top in (*ROOMS, "docs")]
    files = [file for top in tops for file in top.rglob("*") if file.suffix in kinds]
    files += [file for file in HOUSE.iterdir() if file.suffix in kinds or file.name in ("Makefile", "Dockerfile")]
    return {str(file.relative_to(HOUSE)): file.read_text(encoding="utf-8") for file in files}


ROOMS = ("benchmarks", "flows", "mediameter", "parsers", "schemas", "sql", "tests")
NAMED_FILE = re.compile(rf"(?<![\w./-])(?:docs|{'|'.join(ROOMS)})/[\w./-]+\.(?:md|py|yaml|sql|csv|toml)\b")


def test_every_target_that_is_named_anywhere_exists() -> None:
    """In backticks, or with a hyphen, which no English sentence has: `make test`."""
    targets = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(), re.MULTILINE))
    named = {
        (place, target)
        for place, text in _texts().items()
        for target in re.findall(r"`make ([a-z-]+)|\bmake ([a-z]+-[a-z-]+)", text)
    }
    assert {(place, either or other) for place, (either, other) in named if (either or other) not in targets} == set()


def test_every_file_that_is_named_anywhere_exists() -> None:
    named = {(place, name) for place, text in _texts().items() for name in NAMED_FILE.findall(text)}
    assert len(named) > 50
    gone = {(place, name) for place, name in named if not (HOUSE / name).exists()}
    assert gone == set()


def _toml_blocks() -> list[str]:
    """The indented blocks of README that hold settings."""
    blocks, block = [], []
    for line in [*(HOUSE / "README.md").read_text(encoding="utf-8").splitlines(), "end"]:
        if line.startswith("    ") or not line:
            block.append(line[4:])
            continue
        text = "\n".join(block)
        blocks += [part for part in re.split(r"\n(?=\.venv)", text) if part.lstrip().startswith("[")]
        block = []
    return blocks


def test_readme_shows_settings_that_can_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of them is TOML, and together they are settings: no section or key is another's."""
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    text = "\n".join(_toml_blocks())
    loaded = from_mapping(tomllib.loads(text), tmp_path, text=text)
    assert {"ovh", "app", "palette", "palette_files"} <= {*loaded.sources}
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"^ +# +\w+ = ", readme, re.MULTILINE), "settings stand in no comment"


_ENVIRONMENT = {
    "LOG_ACCESS_KEY": "a",
    "LOG_SECRET_KEY": "s",
    "WAREHOUSE_URL": "sqlite:///w.sqlite",
    "APP_MYSQL_URL": "mysql://u:p@h/d",
    "SUPABASE_DB_URL": "https://project.supabase.co/rest/v1",
    "SUPABASE_SERVICE_KEY": "k",
}
