"""A small installation to be examined, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mediameter.doctor import Finding, examine
from tests.worlds.log_lines import probe

CARD = """
[[prices]]
source = "logs"
measure = "bytes_sent"
amount = "0.011"
currency = "USD"
per = "GB"
valid_from = 2020-01-01
citation = "a test"
"""
NOTHING_ELSE = '[geo]\ncountries = "none"\n'


def line(
    at: datetime,
    bucket: str = "acme-media",
    key: str = "files/u-1/castingly-1/a.jpg",
    operation: str = "REST.GET.OBJECT",
) -> str:
    return f"{probe(at, bucket=bucket, key=key, operation=operation)}\n"


def lines(until: datetime, count: int = 20, **how: str) -> str:
    """One a minute, the last a minute before ``until``."""
    return "".join(line(until - timedelta(minutes=number), **how) for number in range(count, 0, -1))


def name(at: datetime, number: int = 0) -> str:
    """As OVH names an object."""
    return f"{at:%Y-%m-%d-%H-%M-%S}-{number:032X}"


@dataclass(slots=True)
class Folder:
    """A folder laid out as a bucket, beside its settings."""

    path: Path
    now: datetime
    extra: str = CARD + NOTHING_ELSE
    source: dict[str, str] = field(default_factory=lambda: {"path": "bucket", "bucket": "acme-logs", "prefix": "logs/"})

    def deliver(self, text: str, at: datetime | None = None, key: str = "", mtime: datetime | None = None) -> Path:
        at = at or self.now - timedelta(minutes=10)
        file = self.path / "bucket" / (key or f"logs/{name(at)}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        stamp = (mtime or at).timestamp()
        os.utime(file, (stamp, stamp))
        return file

    @property
    def toml(self) -> Path:
        file = self.path / "mediameter.toml"
        rows = "".join(f'{each} = "{value}"\n' for each, value in self.source.items())
        file.write_text(f'[sources.logs]\nkind = "s3_access_log"\n{rows}\n{self.extra}')
        return file

    def examined(self, *, send_test: bool = False) -> list[Finding]:
        return list(examine(self.toml, clock=lambda: self.now, send_test=send_test))


def said(findings: Sequence[Finding], check: str, verdict: str) -> Finding:
    """The one finding of this check with this verdict."""
    found = [finding for finding in findings if (finding.check, finding.verdict) == (check, verdict)]
    assert len(found) == 1, "\n".join(map(str, findings))
    return found[0]


def errors(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict == "error"]


def whole_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
