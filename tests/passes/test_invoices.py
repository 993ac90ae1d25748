"""Invoices of the settings in the warehouse: what is edited holds from the next run on, and makes no day dirty."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.settings.reading import from_mapping
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import tenancy
from mediameter.store.warehouse import tables

pytestmark = pytest.mark.in_turn
NOW = datetime(2026, 11, 4, tzinfo=UTC)
BILL = {"source": "ovh", "month": "2026-10", "amount": "43.21", "currency": "USD", "citation": "FR-1"}


def test_an_edited_invoice_holds_from_the_next_run_on(made: sa.Engine, tmp_path: Path) -> None:
    url = made.url.render_as_string(hide_password=False)

    def kept(*bills: dict[str, Any], tenant: str = "default") -> list[tuple[Any, ...]]:
        sources = {"ovh": {"kind": "s3_access_log", "path": "bucket"}}
        document = {"tenant": tenant, "warehouse": {"url": url}, "sources": sources, "invoices": list(bills)}
        rollup(from_mapping(document, tmp_path), now=NOW)
        columns = "tenant, source, month_last_day, days_in_month, amount_micros, bytes_sent, citation"
        picked = [tables["invoices"].c[name] for name in columns.split(", ")]
        with reading(tenancy.everybody(made)) as connection:
            return [tuple(row) for row in connection.execute(sa.select(*picked).order_by(*picked))]

    end = date(2026, 10, 31)
    assert kept(BILL) == [("default", "ovh", end, 31, 43_210_000, None, "FR-1")]
    mended = BILL | {"amount": "40", "bytes_sent": "3.9 TB"}
    of_another = ("another", "ovh", end, 31, 43_210_000, None, "FR-1")
    ours = ("default", "ovh", end, 31, 40_000_000, 3_900_000_000_000, "FR-1")
    assert kept(mended) == [ours]
    assert kept(BILL, tenant="another") == [of_another, ours]
    assert kept() == [of_another]


def test_an_invoice_changes_no_figure(tmp_path: Path) -> None:
    sources = {"ovh": {"kind": "s3_access_log", "path": "bucket"}}
    with_one, without = (from_mapping({"sources": sources, "invoices": bills}, tmp_path) for bills in ([BILL], []))
    assert with_one.fingerprint() == without.fingerprint()
