"""The views of `sql/views`: one file each, the same on every engine but for lines that begin with an engine's name.

They hold no data: the newest revision makes them all as the files say, an older one leaves that to it. A revision that
changes a table drops them first (PostgreSQL would refuse), and each revision ends with ``make_views(revision)``.
"""

import re
from importlib.resources import files

import sqlalchemy as sa
from alembic import context, op

from schemas import VIEWS
from sql.migrations import bi

_OF_ONE_ENGINE = re.compile(r"/\* (sqlite|postgresql|mysql) *\*/")


def drop_views() -> None:
    """Drops what there is of them, and of what BI tools are shown; what reads another one goes first."""
    bi.drop()
    known = set(sa.inspect(op.get_bind()).get_view_names())
    for view in reversed(VIEWS):
        if view.name in known:
            op.execute(f"DROP VIEW {view.name}")


def make_views(revision: str) -> None:
    """Makes all of them anew, when this revision is the newest."""
    if context.script.get_current_head() != revision:
        return
    drop_views()
    engine = op.get_bind().dialect.name
    # Else MySQL's and MariaDB's views would break with the user that made them.
    whose = "SQL SECURITY INVOKER " if engine == "mysql" else ""
    for view in VIEWS:
        _execute(f"CREATE {whose}VIEW {view.name} AS\n{text(view.name, engine)}")
        if engine == "postgresql":
            _comment(view.name, view.doc, {column.name: column.doc for column in view})
    bi.make()


def text(name: str, engine: str) -> str:
    """The SELECT of a view, as that engine has it."""
    lines = files("sql").joinpath("views", f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if (of := _OF_ONE_ENGINE.match(line)) is None or of[1] == engine)


def _comment(view: str, doc: str, docs: dict[str, str]) -> None:
    places = {f"VIEW {view}": doc} | {f"COLUMN {view}.{name}": doc for name, doc in docs.items()}
    for place, words in places.items():
        literal = words.replace("'", "''")
        _execute(f"COMMENT ON {place} IS '{literal}'")


def _execute(statement: str) -> None:
    """As it stands: % and : in it are no parameters."""
    op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
