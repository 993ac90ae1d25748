"""The cases of tests/fixtures/access_log: a trouble each, as written there, and its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from parsers.access_log import Context

FOLDER = Path(__file__).parents[1] / "fixtures" / "access_log"
BASES: dict[str, Any] = yaml.safe_load((FOLDER / "bases.yaml").read_text("utf-8"))
LAST_MODIFIED = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One case of a fixture file, as written there."""

    file: str
    spec: dict[str, Any]
    last_modified: datetime
    log_bucket: str
    dialect: str

    @property
    def id(self) -> str:
        return f"{self.file}: {self.spec['name']}"

    @property
    def expect(self) -> dict[str, Any]:
        expect: dict[str, Any] = self.spec["expect"]
        return expect

    @property
    def is_object(self) -> bool:
        return bool({"object", "object_hex", "lines"} & self.spec.keys())

    @property
    def context(self) -> Context:
        return Context(seed=7, log_bucket=self.log_bucket, last_modified=self.last_modified)


def load() -> list[Case]:
    cases = []
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        for spec in content.get("cases", []):
            own = {**content, **spec}
            log_bucket = own.get("log_bucket", "media-logs")
            last_modified = own.get("last_modified", LAST_MODIFIED)
            cases.append(Case(path.stem, spec, last_modified, log_bucket, own.get("dialect", "")))
    return cases


def base_line(spec: dict[str, Any]) -> str:
    fields = dict(BASES[spec["base"]])
    changes = spec.get("with", {})
    assert changes.keys() <= fields.keys(), f"unknown field: {changes.keys() - fields.keys()}"
    fields |= changes
    names = list(fields)
    if "ends_with" in spec:
        names = names[: names.index(spec["ends_with"]) + 1]
    return " ".join([*(fields[name] for name in names), *([spec["then"]] if "then" in spec else [])])


def line_text(spec: str | dict[str, Any]) -> str:
    if isinstance(spec, str):
        return spec
    if "glue" in spec:
        text = "".join(map(line_text, spec["glue"]))
    else:
        text = spec["line"] if "line" in spec else base_line(spec)
    if "until" in spec:
        begin, found, _ = text.partition(spec["until"])
        assert found, f"cut at what is not there: {spec['until']}"
        text = begin + found
    return text


def line_bytes(spec: str | dict[str, Any]) -> bytes:
    if isinstance(spec, str):
        return spec.encode()
    if "hex" in spec:
        return bytes.fromhex(spec["hex"])
    if isinstance(spec.get("line"), bytes):
        return bytes(spec["line"])
    line = line_text(spec).encode()
    for mark, raw in spec.get("bytes_for", {}).items():
        assert mark.encode() in line, f"no mark {mark}"
        line = line.replace(mark.encode(), bytes.fromhex(raw))
    return filled(line, **spec["repeat"]) if "repeat" in spec else line


def filled(line: bytes, mark: str, text: str, line_bytes: int) -> bytes:
    missing = line_bytes - len(line) + len(mark.encode())
    times, rest = divmod(missing, len(text.encode()))
    assert rest == 0 and line.count(mark.encode()) == 1, f"cannot fill {mark} to {line_bytes} bytes"
    return line.replace(mark.encode(), text.encode() * times)


CASES = load()
LINES = [case for case in CASES if not case.is_object]
