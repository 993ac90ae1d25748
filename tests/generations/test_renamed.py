"""A table that is renamed while it is exported: the source fails by name, what was settled stands, nothing is half."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mediameter import faults
from mediameter.commands.run import run
from mediameter.steps.export.export import export
from schemas.internal import EXPORTS, LAKE_FILES
from tests.export.application import Application
from tests.generations.palette import NOW, generation, settings_for, transaction
from tests.trials.dump import FIGURES, dump

pytestmark = pytest.mark.in_turn
TABLES = (*FIGURES, EXPORTS, LAKE_FILES)
_DAY = 86_400
CHANGES = {
    "renamed": ("ALTER TABLE generation_events RENAME TO old_events",
                "ALTER TABLE old_events RENAME TO generation_events",
                "there is no table generation_events"),
    "a column renamed": ("ALTER TABLE generation_events RENAME COLUMN status TO state",
                         "ALTER TABLE generation_events RENAME COLUMN state TO status",
                         "generation_events has no column status"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_table_renamed_in_mid_export(
    what: str, system: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.insert("generation_events", *(generation(after=-_DAY * (n % 4) - n) for n in range(400)))
    system.insert("credit_transactions", transaction("purchase", 9), transaction("usage", -1, after=-_DAY))
    change, back, said = CHANGES[what]
    places = [tmp_path / name for name in ("disturbed", "undisturbed")]
    for place in places:
        place.mkdir()
    disturbed, undisturbed = (settings_for(system.url, place) for place in places)
    passed: list[int] = []

    def rename() -> None:
        passed.append(len(passed))
        if len(passed) == 2:
            system.execute(change)

    monkeypatch.setitem(faults.at, "export.read", rename)
    report = export(disturbed, now=NOW)
    monkeypatch.delitem(faults.at, "export.read")
    [failure] = report.failed
    assert failure.startswith("[sources.palette]: ") and said in failure
    assert "\n" not in failure and "canary" not in failure
    # The two days that had been read are settled whole, no other day at all, and none of the source is complete.
    assert report.days_read == 2
    summary = run(disturbed, now=NOW)
    assert summary.has_failed and "its days stay open" in summary.lines()[1]
    states = {line.split(", ")[4] for line in dump(disturbed.warehouse.url, TABLES)["days"]}
    assert states == {'"open"'}
    system.execute(back)
    run(disturbed, now=NOW + timedelta(minutes=1))
    run(undisturbed, now=NOW + timedelta(minutes=1))
    assert dump(disturbed.warehouse.url, TABLES) == dump(undisturbed.warehouse.url, TABLES)
