"""A price that no price can be is not known; the source's other prices are."""

from __future__ import annotations

from pathlib import Path

from mediameter.steps.export.export import export
from tests.export.application import Application
from tests.generations.palette import NOW, settings_for
from tests.generations.rolled_up import rows


def test_a_price_beyond_all_prices_is_not_known(system: Application, tmp_path: Path) -> None:
    if system.kind != "sqlite":
        change = "ALTER cost_cents TYPE FLOAT8" if system.kind == "postgresql" else "MODIFY cost_cents DOUBLE"
        system.execute(f"ALTER TABLE model_pricing {change}")
    for model, cents in (("fox", "5"), ("ant", "1e300"), ("bee", "1.7e308"), ("cow", "1e14"), ("dog", "-5")):
        system.execute(f"INSERT INTO model_pricing (model_id, cost_cents, price_cents) VALUES ('{model}', {cents}, 7)")
    assert export(settings_for(system.url, tmp_path), now=NOW).failed == []
    found = rows(tmp_path, "SELECT model, cost_micros, price_micros FROM model_prices ORDER BY model")
    assert found == [*((name, None, 70_000) for name in ("ant", "bee", "cow", "dog")), ("fox", 50_000, 70_000)]
