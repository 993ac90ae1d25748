"""Planted misconfigurations of a bucket over S3: each is named, with its remedy, and the clean one has no error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mediameter.cli import main
from tests.doctor.proxy import Proxy
from tests.doctor.site import errors, line, said
from tests.doctor.store import SECRET_KEY, Bucket


def test_a_clean_bucket_has_no_error_and_no_warning_of_its_own(store: Bucket) -> None:
    findings = store.examined()
    assert not errors(findings)
    of_source = [finding for finding in findings if finding.check.startswith("sources.")]
    assert {finding.verdict for finding in of_source} == {"ok"}, of_source
    assert {finding.check.removeprefix("sources.logs.") for finding in of_source} == {
        "reach", "clock", "region", "list", "get", "newest", "silence", "rejects", "lag", "loop", "logging",
        "log_bucket",
    }  # fmt: skip


Plant = Callable[[Bucket, Proxy], object]


def _wrong_credentials(store: Bucket, proxy: Proxy) -> None:
    proxy.refuse("ListObjectsV2", 403, "InvalidAccessKeyId")


def _no_credentials(store: Bucket, proxy: Proxy) -> None:
    del store.source["access_key"], store.source["secret_key"]


def _no_profile(store: Bucket, proxy: Proxy) -> None:
    _no_credentials(store, proxy)
    store.source["profile"] = "absent"


def _wrong_bucket(store: Bucket, proxy: Proxy) -> None:
    store.source["bucket"] = "no-such-bucket"


def _wrong_region(store: Bucket, proxy: Proxy) -> None:
    proxy.refuse("ListObjectsV2", 301, "PermanentRedirect", x_amz_bucket_region="eu-west-3")


def _wrong_endpoint(store: Bucket, proxy: Proxy) -> None:
    store.source["endpoint"] = "http://127.0.0.1:1"


def _no_list(store: Bucket, proxy: Proxy) -> None:
    proxy.refuse("ListObjectsV2", 403, "AccessDenied")


def _no_get(store: Bucket, proxy: Proxy) -> None:
    proxy.refuse("GetObject", 403, "AccessDenied")


def _clock_far_off(store: Bucket, proxy: Proxy) -> None:
    proxy.clock_off = timedelta(minutes=-40)


def _clock_refused(store: Bucket, proxy: Proxy) -> None:
    proxy.clock_off = timedelta(hours=3)
    proxy.refuse("ListObjectsV2", 403, "RequestTimeTooSkewed")


def _log_loop(store: Bucket, proxy: Proxy) -> None:
    store.log_into(store.log_bucket, store.log_bucket)


def _no_access_logs(store: Bucket, proxy: Proxy) -> None:
    store.empty()
    store.put('{"at": 1}\n' * 9)


def _unreadable_lines(store: Bucket, proxy: Proxy) -> None:
    store.empty()
    store.put(store.lines(store.now + timedelta(days=2)))


@pytest.mark.parametrize(
    ("plant", "check", "found", "remedy"),
    [
        (_wrong_credentials, "reach", "InvalidAccessKeyId", "see access_key"),
        (_no_credentials, "reach", "there are no S3 credentials", "set profile, or access_key and secret_key"),
        (_no_profile, "reach", "absent", "profile and keys"),
        (_wrong_bucket, "reach", "no-such-bucket", "correct bucket, endpoint or region in [sources.logs]"),
        (_wrong_region, "reach", "the bucket is in another region", "eu-west-3"),
        (_wrong_endpoint, "reach", "cannot be listed", "check endpoint and network"),
        (_no_list, "reach", "may not list", "allow s3:ListBucket on the bucket"),
        (_no_get, "get", "may be listed, but not read", "allow s3:GetObject on"),
        (_clock_far_off, "clock", "40 minutes ahead of the S3 server", "set this machine's clock (NTP)"),
        (_clock_refused, "clock", "180 minutes behind", "set this machine's clock (NTP)"),
        (_log_loop, "log_bucket", "enabled on the log bucket itself", "turn it off: aws s3api put-bucket-logging"),
        (_no_access_logs, "newest", "NOT_AN_ACCESS_LOG", "prefix at access logs alone"),
        (_unreadable_lines, "rejects", "20 FUTURE_TIME", "set this machine's clock"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_error_is_named_with_its_remedy(
    plant: Plant, check: str, found: str, remedy: str, store: Bucket, proxy: Proxy
) -> None:
    plant(store, proxy)
    findings = store.examined()
    finding = said(findings, f"sources.logs.{check}", "error")
    assert found in finding.found
    assert remedy in finding.remedy
    assert {each.check for each in findings} >= {"lake", "warehouse", "prices", "channels"}  # the others were looked at
    assert SECRET_KEY not in "".join(map(str, findings))


def _empty_prefix(store: Bucket, proxy: Proxy) -> None:
    store.source["prefix"] = "log/"


def _nothing(store: Bucket, proxy: Proxy) -> None:
    store.empty()


def _region_told(store: Bucket, proxy: Proxy) -> None:
    store.source["region"] = "eu-west-3"


def _clock_off(store: Bucket, proxy: Proxy) -> None:
    proxy.clock_off = timedelta(minutes=7)


def _own_records(store: Bucket, proxy: Proxy) -> None:
    store.put(store.lines() + store.lines(bucket=store.log_bucket, operation="REST.PUT.OBJECT"))


def _logging_off(store: Bucket, proxy: Proxy) -> None:
    store.client.put_bucket_logging(Bucket=store.media_bucket, BucketLoggingStatus={})


def _logging_elsewhere(store: Bucket, proxy: Proxy) -> None:
    store.log_into(store.media_bucket, store.log_bucket, "elsewhere/")


def _late(store: Bucket, proxy: Proxy) -> None:
    store.put(store.lines(store.now - timedelta(hours=9)))


@pytest.mark.parametrize(
    ("plant", "check", "found", "remedy"),
    [
        (_empty_prefix, "list", "no object begins with the prefix 'log/'; there are: logs/", 'prefix = "logs/"'),
        (_nothing, "list", "nothing is there at all", "let the media buckets log into it"),
        (_region_told, "region", "is in us-east-1, requests are signed for eu-west-3", 'region = "us-east-1"'),
        (_clock_off, "clock", "7 minutes behind the S3 server", "NTP"),
        (_own_records, "loop", "20 records of the newest objects are the log bucket's own", "not log into itself"),
        (_logging_off, "logging", "it is off: no new logs will come", "turn it on: aws s3api put-bucket-logging"),
        (_logging_elsewhere, "logging", "/elsewhere/, not to s3://", "add a source for s3://"),
        (_late, "lag", "9.3 h after their first", "settle_hours = 10"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_warning_is_named_with_its_remedy(
    plant: Plant, check: str, found: str, remedy: str, store: Bucket, proxy: Proxy
) -> None:
    plant(store, proxy)
    findings = store.examined()
    finding = said(findings, f"sources.logs.{check}", "warning")
    assert found in finding.found
    assert remedy in finding.remedy
    assert not errors(findings)


def test_what_may_not_be_asked_is_skipped_with_its_reason(store: Bucket, proxy: Proxy) -> None:
    proxy.refuse("GetBucketLogging", 403, "AccessDenied")
    proxy.refuse("HeadBucket", 403, "AccessDenied")
    findings = store.examined()
    assert "allow s3:GetBucketLogging" in said(findings, "sources.logs.logging", "skipped").remedy
    assert "AccessDenied" in said(findings, "sources.logs.log_bucket", "skipped").found
    assert said(findings, "sources.logs.region", "skipped")
    assert not errors(findings)


def test_one_source_that_fails_keeps_no_other_from_being_looked_at(store: Bucket, proxy: Proxy) -> None:
    rows = "".join(f'{name} = "{value}"\n' for name, value in store.source.items() if name != "endpoint")
    store.extra += f'[sources.dead]\nkind = "s3_access_log"\nendpoint = "http://127.0.0.1:1"\n{rows}'
    findings = store.examined()
    assert [finding.check for finding in errors(findings)] == ["sources.dead.reach"]
    assert said(findings, "sources.logs.log_bucket", "ok")
    assert said(findings, "sources.dead.newest", "skipped").found == "not looked at, after the error of reach"


def test_many_objects_of_which_the_newest_are_read(store: Bucket, proxy: Proxy) -> None:
    for number in range(7):
        store.put(line(store.now - timedelta(minutes=5), bucket=store.media_bucket), f"logs/plain-{number}")
    findings = store.examined()
    assert "8 objects" in said(findings, "sources.logs.list", "ok").found
    assert said(findings, "sources.logs.newest", "ok").looked_at == "the newest 5 objects"
    assert proxy.seen.count("GetObject") == 6


def test_init_doctor_run_one_after_the_other(
    store: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the README says it: what ``init`` wrote, with the source set, is examined and metered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGS_KEY", store.source["access_key"])
    monkeypatch.setenv("LOGS_SECRET", SECRET_KEY)
    assert main(["init"]) == 0
    written = Path("mediameter.toml").read_text()
    before, _, after = written.partition('path = "./bucket"')
    source = store.source | {"access_key": "env:LOGS_KEY", "secret_key": "env:LOGS_SECRET"}
    rows = "".join(f'{name} = "{value}"\n' for name, value in source.items())
    Path("mediameter.toml").write_text(f"{before}{rows}#{after}")
    assert main(["doctor"]) == 0, capsys.readouterr().out
    shown = capsys.readouterr().out
    assert "ok       sources.logs.get" in shown and "        -> " in shown and SECRET_KEY not in shown
    assert main(["run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ingest"]["lines"] >= 20  # moto logs what the doctor asked for, too
    assert main(["run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_idle"] is True
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["is_sound"] is True and told["verdicts"]["error"] == 0


def test_doctor_is_1_when_something_is_wrong(store: Bucket, proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.refuse("GetObject", 403, "AccessDenied")
    assert main(["doctor", "--settings", str(store.toml)]) == 1
    shown = capsys.readouterr()
    assert "error    sources.logs.get: it may be listed, but not read" in shown.out and shown.err == ""
