"""Two first runs at the same time: whatever one has looked at when the other goes through, both belong to one lake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mediameter.errors import UserError
from mediameter.opening import opened
from mediameter.store import identity, migration
from tests.passes.house import House

pytestmark = pytest.mark.usefixtures("real_migrations")
GIVEN = "a key that was given"
PLACES = [
    (opened, "claim_of", 1, ""),  # the key is made by whoever comes first
    (opened, "claim_of", 2, ""),
    (migration, "revision", 1, GIVEN),
    (identity, "read_marker", 1, GIVEN),
    (identity, "read_marker", 2, GIVEN),
    (identity, "read_marker", 3, GIVEN),
    (identity, "recorded", 1, GIVEN),  # the second is under the writer's lock
    (identity, "_holds_files", 1, GIVEN),
]


def house(folder: Path, key: str) -> House:
    (folder / "bucket").mkdir(parents=True)
    made = House(folder, key=key)
    made.deliver("one", range(3))
    return made


def afterwards(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, nth: int, act: Callable[[], Any]
) -> list[str]:
    """Let ``act`` happen once ``name`` has looked for the ``nth`` time, and before anybody goes by what it saw."""
    real, seen = getattr(module, name), list[str]()

    def looked(*arguments: Any) -> Any:
        found = real(*arguments)
        seen.append(name)
        if len(seen) == nth:
            monkeypatch.undo()
            act()
        return found

    monkeypatch.setattr(module, name, looked)
    return seen


@pytest.mark.parametrize(("module", "name", "nth", "key"), PLACES)
def test_another_first_run_comes_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, nth: int, key: str
) -> None:
    mine = house(tmp_path / "house", key)
    seen = afterwards(monkeypatch, module, name, nth, mine.ingest)
    assert mine.ingest().lines == 0  # the other one has taken it in
    assert len(seen) == nth
    assert mine.recorded()["state"] == identity.OURS


@pytest.mark.parametrize(("module", "name", "nth"), [(identity, "read_marker", 1), (migration, "revision", 1)])
def test_a_lake_that_is_anothers_stays_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, nth: int
) -> None:
    mine = house(tmp_path / "house", GIVEN)
    other = House(mine.folder, key=mine.key, warehouse="other.sqlite")
    afterwards(monkeypatch, module, name, nth, other.ingest)
    with pytest.raises(UserError, match=r"is empty, but the lake|was taken by another warehouse"):
        mine.ingest()
