"""Promise 21: an installation that was moved, restored, doubled, or that lost its warehouse or its key goes on without
a record lost or doubled, or refuses and names the remedy; each move killed once in the middle."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mediameter.commands.run import run
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.redo.adopt import Wishes, adopt
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.redo.moving import move
from mediameter.store import manifests
from schemas import TABLES
from tests import servers
from tests.conftest import Trials
from tests.trials.application import export, fill
from tests.trials.dump import FIGURES, difference, dump
from tests.trials.runs import Fault, exit_code, start_faulty
from tests.worlds.log_worlds import KEY, TENANT, World
from tests.worlds.log_worlds import world as generated

Said = dict[str, list[str]]


@dataclass
class Grown:
    """A world that was taken in in two deliveries: as it was after the first, as it is now, and what it says."""

    world: World
    rng: Random
    earlier: Path
    folder: Path
    said: Said
    trouble: list[str] = field(default_factory=list)
    moves: int = 0
    kills: int = 0

    def copied(self, name: str) -> Settings:
        """An installation of its own in the state of now."""
        folder = self.folder.with_name(f"{self.folder.name}-{name}")
        shutil.copytree(self.folder, folder)
        return self.world.settings(folder)

    def run(self, settings: Settings) -> None:
        run(settings, now=self.world.now)

    def refuses(self, what: str, settings: Settings, remedy: str) -> None:
        """It stops with the remedy, and every file that was in the lake is there."""
        before = _files(settings)
        try:
            self.run(settings)
            self.trouble.append(f"{what}: it ran")
        except UserError as error:
            if remedy not in str(error):
                self.trouble.append(f"{what}: {error}")
        if not before <= _files(settings):
            self.trouble.append(f"{what}: {len(before - _files(settings))} lake files are gone")

    def same(self, what: str, settings: Settings) -> None:
        found = dump(settings.warehouse.url)
        if found != self.said:
            self.trouble.append(f"{what}: {difference(self.said, found)[:6]}")

    def twice(self, what: str, points: list[tuple[str, int]], work: Callable[..., None], *arguments: object) -> None:
        """Killed once in the middle, then done."""
        point, most = self.rng.choice(points)
        fault = Fault(point, self.rng.randint(1, most), signal.SIGKILL)
        code = exit_code(start_faulty(work, *arguments, fault=fault))
        if code != -signal.SIGKILL:
            self.trouble.append(f"{what}: was not killed at {fault}, but ended with {code}")
        code = exit_code(start_faulty(work, *arguments, fault=None))
        if code:
            self.trouble.append(f"{what}: after a kill at {fault} it ended with {code}")
        self.moves, self.kills = self.moves + 1, self.kills + 1


def grown(seed: int, folder: Path) -> Grown:
    world = generated(seed)
    settings, objects = world.lay_out(folder), [*world.objects, *world.refused]
    if world.database:  # there before the first run, as an installation that is older than identities
        fill(settings, world.database)
        export(settings, [], sorted(world.database.events, key=lambda event: event.at))
    world.deliver(folder, objects[::2])
    run(settings, now=world.now)
    earlier = folder.with_name(f"{folder.name}-earlier")
    shutil.copytree(folder, earlier)
    for each in (objects[1::4], objects[3::4], []):
        world.deliver(folder, each)
        run(settings, now=world.now)
    return Grown(world, Random(seed), earlier, folder, dump(settings.warehouse.url))


def test_moves(trials: Trials, tmp_path: Path) -> None:
    asked, failed, moves, kills = trials(1, 20), [], 0, 0
    for seed in range(asked):
        world = grown(seed, tmp_path / str(seed))
        for move_it in (round_trip, older_warehouse, older_lake, lost_warehouse, lost_key, two_tenants, two_houses):
            move_it(world)
        failed += [f"world {seed}: {each}" for each in world.trouble]
        moves, kills = moves + world.moves, kills + world.kills
        for folder in tmp_path.glob(f"{seed}*"):
            shutil.rmtree(folder)
    print(f"moves: {asked} worlds asked, {asked} run, {moves} moves, {kills} killed, {len(failed)} failed")
    assert not failed, "\n".join(failed)


# --- what happens to an installation -----------------------------------------------------------------


def round_trip(grown: Grown) -> None:
    """SQLite → PostgreSQL → MariaDB → SQLite."""
    settings = grown.copied("moving")
    with ExitStack() as databases:
        folder = settings.folder
        targets = [databases.enter_context(servers.new_database(server, folder)) for server in servers.SERVERS]
        for url in (*targets, f"sqlite:///{folder / 'back.sqlite'}"):
            before, settings = settings, on(settings, url)
            points = [("move.in_tables", len(TABLES)), ("move.carried", 1)]
            grown.twice(f"move to {url[:8]}", points, _move, settings, before.warehouse.url)
            grown.same(f"moved to {url[:8]}", settings)
            grown.refuses("an old schedule", before, "set [warehouse] url to that one")
            grown.run(settings)
            grown.same(f"run on {url[:8]}", settings)


def older_warehouse(grown: Grown) -> None:
    settings = grown.copied("older-warehouse")
    file = settings.warehouse.sqlite_path
    assert file
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    shutil.copy(grown.earlier / file.name, file)
    if _ahead(grown, settings) > 1:  # one more might be of a run that was killed: it is done by the next
        grown.refuses("an older warehouse", settings, "mediameter adopt")
    _adopted(grown, "an older warehouse", settings, Wishes())


def older_lake(grown: Grown) -> None:
    settings = grown.copied("older-lake")
    shutil.rmtree(settings.lake.path)
    shutil.copytree(grown.earlier / "lake", settings.lake.path)
    grown.refuses("an older lake", settings, "adopt --forget-missing")
    _adopted(grown, "an older lake", settings, Wishes(forget_missing=True))


def lost_warehouse(grown: Grown) -> None:
    """The logs have gone from the bucket, too."""
    settings = grown.copied("lost")
    file = settings.warehouse.sqlite_path
    assert file
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    for source in grown.world.log_buckets:
        shutil.rmtree(settings.folder / source)
        (settings.folder / source).mkdir()
    grown.refuses("a lost warehouse", settings, "mediameter adopt")
    _adopted(grown, "a lost warehouse", settings, Wishes(), is_emptied=True)


def lost_key(grown: Grown) -> None:
    settings = grown.copied("lost-key")
    other = settings.model_copy(update={"privacy": settings.privacy.model_copy(update={"key": KEY[::-1]})})
    grown.refuses("a lost key", other, "adopt --new-key")
    grown.run(settings)
    grown.same("the key is there again", settings)


def two_tenants(grown: Grown) -> None:
    """The other one reads what is not yet anybody's; of the first nothing changes."""
    settings = grown.copied("tenants")
    bucket = settings.folder / "bolt"
    bucket.mkdir()
    first = next(log for log in grown.world.objects if log.data)
    (bucket / "x").write_bytes(first.data)
    os.utime(bucket / "x", (first.last_modified.timestamp(),) * 2)  # the same days: those of one are the other's, too
    document = {
        "tenant": "bolt", "sources": {"bolt": {"kind": "s3_access_log", "path": "bolt"}},
        "privacy": {"key": KEY[::-1]}, "quality": {"docs": "none"}, "geo": {"countries": "none"},
    }  # fmt: skip
    bolt = from_mapping(document, settings.folder)
    for each in (bolt, settings, bolt):
        grown.run(each)
    found = {name: [row for row in rows if row.startswith(f'["{TENANT}"')] for name, rows in _figures(settings).items()}
    meant = {name: grown.said[name] for name in found}
    if found != meant:
        grown.trouble.append(f"two tenants: {difference(meant, found)[:6]}")


def two_houses(grown: Grown) -> None:
    """A second installation, young or grown, is pointed at the lake of the first."""
    settings = grown.copied("first")
    grown.refuses("a second, new", on(settings, f"sqlite:///{settings.folder / 'new.sqlite'}"), "set [warehouse] url")
    other = grown.world.settings(settings.folder.with_name(f"{settings.folder.name}-second"))
    grown.world.lay_out(other.folder)
    grown.world.deliver(other.folder, grown.world.objects[:2])
    grown.run(other)
    shared = other.model_copy(update={"lake": settings.lake})
    grown.refuses("a second, grown", shared, "that belongs to the other")
    grown.run(settings)
    grown.same("the first of two", settings)


def _adopted(grown: Grown, what: str, settings: Settings, wishes: Wishes, *, is_emptied: bool = False) -> None:
    """``is_emptied``: the bucket shows nothing any more, and somebody says that this is so."""
    ahead = 0 if wishes.forget_missing else _ahead(grown, settings)
    points = [("adopt.taken", 1), ("adopt.checked", 1), *([("adopt.done_again", ahead)] if ahead else [])]
    grown.twice(what, points, _adopt, settings, wishes)
    if is_emptied:
        today = grown.world.now.date()
        backfill(settings, Task(today, today, accept_fewer=tuple(settings.sources)), now=grown.world.now)
    grown.run(settings)
    grown.same(what, settings)


def _ahead(grown: Grown, settings: Settings) -> int:
    """How many manifests the lake has more than it had after the first delivery."""
    return manifests.newest(settings.lake.path) - manifests.newest(grown.earlier / "lake")


# --- in processes of their own -----------------------------------------------------------------------


def _move(settings: Settings, from_url: str) -> None:
    move(settings, from_url)


def _adopt(settings: Settings, wishes: Wishes) -> None:
    adopt(settings, wishes)


def on(settings: Settings, url: str) -> Settings:
    """The same installation with another warehouse."""
    return settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"url": url})})


def _files(settings: Settings) -> set[str]:
    return {path.relative_to(settings.lake.path).as_posix() for path in settings.lake.path.rglob("*.parquet")}


def _figures(settings: Settings) -> Said:
    return dump(settings.warehouse.url, FIGURES)
