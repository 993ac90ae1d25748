"""The pages of the data dictionary say what the contracts and the answers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediameter.answers import ITS_NAMES, catalogue
from mediameter.dictionary import DOCS, OPEN_QUESTIONS, PAGES, answers_page, main, tables_page
from schemas import TABLES
from schemas.records import PARSED, RECORD, REJECTED


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_its_source_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run python -m mediameter.dictionary"


@pytest.mark.parametrize("contract", (*TABLES, RECORD, PARSED, REJECTED), ids=lambda contract: contract.name)
def test_every_column_has_its_line(contract) -> None:  # type: ignore[no-untyped-def]
    section = tables_page().partition(f"### `{contract.name}`\n")[2].partition("\n##")[0]
    lines = [line for line in section.splitlines() if line.startswith(("| `", "| **`"))]
    assert [line.split("`")[1] for line in lines] == contract.names
    # Seven cells each: a pipe in a text would make another one.
    assert {line.replace("\\|", "").count("|") for line in lines} == {8}


def test_every_answer_and_every_open_question_has_its_place() -> None:
    page = answers_page()
    assert all(f"### {answer.name}\n" in page for answer in catalogue())
    assert page.count("\n| ", page.index("## Not answered yet")) == len(OPEN_QUESTIONS) + 2


def test_the_documents_own_columns_stand_beside_ours() -> None:
    section = answers_page().partition("### cost_by_application\n")[2].partition("\n###")[0]
    assert "| `estimated_cost_usd` | cost, in currency |" in section and "| `bandwidth` | bytes\\_sent |" not in section
    for name, columns in ITS_NAMES.items():
        sql = next(answer.sql for answer in catalogue() if answer.name == name)
        assert [ours for _, ours in columns if ours.partition(",")[0] not in sql] == [], name


def test_check_names_stale_pages_and_writing_mends_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tables.md").write_text("old", encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert {"tables.md", "answers.md"} <= {Path(line.split()[0]).name for line in capsys.readouterr().err.splitlines()}
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") == "old"
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
