"""MySQL itself, 8.0 to 9.7: where a server answers, or MEDIAMETER_TEST_MYSQL_URL names one, all tests of engines are
asked on it, too. Where there is none, this test alone says so: no package that every machine can have holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediameter.commands.run import run
from tests import servers
from tests.trials.dump import difference, dump
from tests.trials.engines import on
from tests.worlds.log_worlds import world


@pytest.mark.skipif("mysql" not in servers.SERVERS, reason="no MySQL: MEDIAMETER_TEST_MYSQL_URL is not set")
def test_a_run_says_the_same_there(tmp_path: Path) -> None:
    made = world(4)
    settings = made.lay_out(tmp_path / "world")
    run(settings, now=made.now)
    with servers.new_database("mysql", tmp_path) as url:
        run(on(settings, url), now=made.now)
        assert not difference(dump(settings.warehouse.url), dump(url))
