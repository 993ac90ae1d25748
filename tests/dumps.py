"""What the figures of generated worlds are, as one hash a world: the same before and after a change that means none.

python -m tests.dumps > before.txt          # 20 worlds of logs and 20 of generations, 3 of each on the servers
python -m tests.dumps --against before.txt  # exit code 1, and which worlds differ
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from mediameter.commands.run import run
from tests import servers
from tests.trials.dump import FIGURES, dump_hash
from tests.trials.engines import emptied, lived_through, on
from tests.worlds.generation_worlds import generation_world
from tests.worlds.log_worlds import world


def of_logs(seed: int, folder: Path, server: str = "") -> str:
    """Hash of a world of access logs and an application, metered in one run."""
    made = world(seed)
    settings = made.lay_out(folder)
    made.deliver(folder, [*made.objects, *made.refused])
    settings = on(settings, server) if server else settings
    run(settings, now=made.now)
    return dump_hash(settings.warehouse.url, FIGURES)


def of_generations(seed: int, folder: Path, server: str = "") -> str:
    """Hash of a world of a generating system's tables and event files, a run in each of its states."""
    return dump_hash(lived_through(generation_world(seed), folder, server), FIGURES)


KINDS = {"logs": of_logs, "generations": of_generations}


def hashes(worlds: int, on_servers: int) -> Iterator[str]:
    """``logs 7 sqlite 3a1f…``, a line a world and engine."""
    servers.find()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = [stack.enter_context(servers.new_database(each, root)) for each in servers.SERVERS] if on_servers else []
        for kind, of in KINDS.items():
            for seed in range(worlds):
                yield f"{kind} {seed} sqlite {of(seed, root / kind / str(seed) / 'sqlite')}"
                for url in urls if seed < on_servers else []:
                    emptied(url)
                    engine = url.partition(":")[0].partition("+")[0]
                    yield f"{kind} {seed} {engine} {of(seed, root / kind / str(seed) / engine, url)}"


def main(arguments: list[str]) -> int:
    """Exit code 1 where a world differs from what ``--against`` holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.dumps", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=20, help="how many of each kind (20)")
    parser.add_argument("--on-servers", type=int, default=3, help="how many of these on each server (3)")
    parser.add_argument("--against", type=Path, help="what an earlier call printed")
    asked = parser.parse_args(arguments)
    meant = set(asked.against.read_text().splitlines()) if asked.against else None
    differ = 0
    for line in hashes(asked.worlds, asked.on_servers):
        is_other = meant is not None and line not in meant
        differ += is_other
        print(f"{line}{'  DIFFERS' if is_other else ''}", flush=True)
    if meant is not None:
        print(f"{differ} of these differ from {asked.against}", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
