"""Planted misconfigurations of a folder laid out as the bucket."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta

import pytest

from mediameter.commands.run import run
from mediameter.settings import load
from tests.doctor.site import Folder, errors, line, lines, name, said

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_clean_folder_has_no_error_and_no_warning_of_its_own(folder: Folder) -> None:
    findings = folder.examined()
    assert not errors(findings)
    of_source = [finding for finding in findings if finding.check.startswith("sources.")]
    assert {finding.verdict for finding in of_source} == {"ok"}, of_source
    assert said(findings, "sources.logs.newest", "ok").found == "access logs, of dialect aws"
    assert said(findings, "sources.logs.lag", "ok").found.startswith("objects come at most 1 min after")


def test_nothing_is_written(folder: Folder) -> None:
    before = {*folder.path.rglob("*"), folder.toml}
    folder.examined()
    assert set(folder.path.rglob("*")) == before


def _absent(folder: Folder) -> None:
    folder.source["path"] = "absent"


def _own_records_and_no_bucket_set(folder: Folder) -> None:
    del folder.source["bucket"]
    key = f"logs/{name(folder.now - HOUR)}"
    folder.deliver("x", folder.now - HOUR)
    own = line(folder.now - HOUR, bucket="acme-logs", key=key, operation="REST.PUT.OBJECT")
    folder.deliver(lines(folder.now - HOUR) + own)


def _all_html(folder: Folder) -> None:
    folder.deliver("<html><body>404</body></html>\n" * 9)


def _all_cut(folder: Folder) -> None:
    folder.deliver("".join(each[:120] + "\n" for each in lines(folder.now - HOUR).splitlines()))


@pytest.mark.parametrize(
    ("plant", "check", "found", "remedy"),
    [
        (_absent, "list", "absent does not exist", "correct [sources.logs].path"),
        (_own_records_and_no_bucket_set, "loop", "(acme-logs), and would count as media", 'bucket = "acme-logs"'),
        (_all_html, "newest", "NOT_AN_ACCESS_LOG: the object looks like HTML or XML", "[sources.logs] prefix"),
        (_all_cut, "rejects", "20 SHORT_LINE", "mediameter rejects"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_error_is_named_with_its_remedy(
    plant: Callable[[Folder], None], check: str, found: str, remedy: str, folder: Folder
) -> None:
    plant(folder)
    finding = said(folder.examined(), f"sources.logs.{check}", "error")
    assert found in finding.found and remedy in finding.remedy


def _misspelt_prefix(folder: Folder) -> None:
    folder.source["prefix"] = "lgos/"


def _empty(folder: Folder) -> None:
    folder.source["path"] = "empty"
    (folder.path / "empty").mkdir()


def _times_rewritten(folder: Folder) -> None:
    for days in range(2, 6):
        folder.deliver(lines(folder.now - days * DAY), folder.now - days * DAY, mtime=folder.now)


def _times_too_early(folder: Folder) -> None:
    folder.deliver("", folder.now - HOUR, mtime=folder.now - DAY)


def _one_is_no_log(folder: Folder) -> None:
    folder.deliver('{"at": 1}\n' * 9, key="logs/metadata.json")


def _some_are_cut(folder: Folder) -> None:
    folder.deliver(lines(folder.now - HOUR) + "s3 cut off\n")


def _own_records(folder: Folder) -> None:
    folder.deliver(lines(folder.now - HOUR) + lines(folder.now - HOUR, bucket="acme-logs"))


def _late(folder: Folder) -> None:
    folder.deliver(lines(folder.now - 9 * HOUR))


@pytest.mark.parametrize(
    ("plant", "check", "found", "remedy"),
    [
        (_misspelt_prefix, "list", "there are: logs/", 'prefix = "logs/"'),
        (_empty, "list", "nothing is there at all", "sync the log bucket into it"),
        (_times_rewritten, "times", "a copy has rewritten them", "rsync -t"),
        (_times_too_early, "times", "would be FUTURE_TIME", "rsync -t"),
        (_one_is_no_log, "newest", "1 of 2 cannot be read as access logs, the last: logs/metadata.json", "prefix"),
        (_some_are_cut, "rejects", "1 would be rejected (4.76%), more than the budget of 1.00%", "mediameter rejects"),
        (_own_records, "loop", "20 records of the newest objects are the log bucket's own (acme-logs)", "not log into"),
        (_late, "lag", "9.2 h after their first", "settle_hours = 10"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_warning_is_named_with_its_remedy(
    plant: Callable[[Folder], None], check: str, found: str, remedy: str, folder: Folder
) -> None:
    plant(folder)
    findings = folder.examined()
    finding = said(findings, f"sources.logs.{check}", "warning")
    assert found in finding.found and remedy in finding.remedy
    assert not errors(findings)


def test_a_copy_job_that_died_is_told(folder: Folder) -> None:
    shutil.rmtree(folder.path / "bucket")
    for hours in range(52, 76):
        folder.deliver(lines(folder.now - timedelta(hours=hours)), folder.now - timedelta(hours=hours))
    found = said(folder.examined(), "sources.logs.silence", "warning")
    assert "nothing has come since" in found.found and "is the copy job alive?" in found.remedy
    folder.deliver(lines(folder.now), folder.now - timedelta(minutes=20))
    assert said(folder.examined(), "sources.logs.silence", "ok")


def test_what_runs_did_not_believe_is_told_again(folder: Folder) -> None:
    for hours in range(1, 8):
        at = folder.now - timedelta(hours=hours)
        folder.deliver(lines(at), at)
    run(load(folder.toml), now=folder.now)
    assert said(folder.examined(), "believed", "ok")
    shutil.rmtree(folder.path / "bucket" / "logs")
    run(load(folder.toml), now=folder.now + timedelta(hours=1))
    found = said(folder.examined(), "believed", "error")
    assert "the listing shows 0 of 8 objects" in found.found and "--accept-fewer" in found.remedy
