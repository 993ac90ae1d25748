"""An address of mail and a prompt, planted in every column that can hold text, are found nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediameter.commands.report import write_report
from mediameter.commands.run import run
from tests.export.application import Application
from tests.generations.palette import EMAIL, NOW, PROMPT, generation, palette, settings_for, transaction

PLANTED = f"{PROMPT} {EMAIL}"
GENERATION = (
    "user_email", "prediction_id", "generation_type", "model_id", "model_name", "status", "prompt", "error_message",
)  # fmt: skip


@pytest.fixture(params=["postgresql", "sqlite"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from palette(request.param, tmp_path_factory.mktemp("away"))


def test_nothing_of_them_comes_in(system: Application, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    for words in (PROMPT, EMAIL, PLANTED):
        planted = [generation(**{"status": "failed", "prompt": PROMPT, name: words}) for name in GENERATION]
        system.insert("generation_events", *planted, generation(settings=json.dumps({"prompt": words})))
        metadata = dict.fromkeys(("model_id", "currency", "package_name", "customer_email", "amount_paid_cents"), words)
        system.insert(
            "credit_transactions",
            transaction(words, 1), transaction("usage", -1, metadata=metadata, description=words),
            transaction("purchase", 1, metadata={**metadata, "amount_paid_cents": 5}),
        )  # fmt: skip
    settings = settings_for(system.url, tmp_path / "ours")
    summary = run(settings, now=NOW)
    assert summary.export.failed == [] and summary.export.events > 20
    write_report(settings, now=NOW)
    found = [
        path.name
        for path in (tmp_path / "ours").rglob("*")
        if path.is_file() and (b"canary" in path.read_bytes() or b"in the snow" in path.read_bytes())
    ]
    assert found == []
