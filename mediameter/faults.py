"""Named points of the steps that write or send, where a trial may end the process (GUARANTEES.md, promise 1).

A trial forks, sets ``at`` in the child, and kills itself there; otherwise a point costs one dictionary look-up.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "ingest.listed",
    "ingest.parsed",
    "lake.written",
    "lake.renamed",
    "ingest.before_settle",
    "ingest.in_settle",
    "manifest.written",
    "ingest.settled",
    "rollup.computed",
    "rollup.fenced",
    "rollup.deleted",
    "rollup.before_commit",
    "rollup.committed",
    "audience.computed",
    "check.before_commit",
    "check.before_telling",
    "check.told",
    "quality.judged",
    "quality.before_commit",
)

FOUNDING_POINTS = ("identity.begun", "identity.marked")
"""Passed only by the first run of an installation."""

ADOPT_POINTS = ("adopt.taken", "adopt.done_again", "adopt.checked")
"""Passed only by `mediameter adopt`; the second once for each manifest."""

EXPORT_POINTS = (
    "export.read",
    "export.before_settle",
    "export.in_settle",
    "export.settled",
    "export.files_settled",
    "export.before_listing",
)
"""Passed only where an application is connected; ``lake.written`` and ``lake.renamed`` are passed then, too."""

REPRICE_POINTS = ("reprice.before_commit", "reprice.committed")
"""Passed only by `mediameter backfill … --reprice`."""

MOVE_POINTS = ("move.in_tables", "move.carried")
"""Passed only when a warehouse moves to another database."""

WRITE_BACK_POINTS = (
    "write_back.claimed",
    "write_back.in_batch",
    "write_back.batch_written",
    "write_back.before_settle",
)
"""Passed only where rows are written back into the application."""

DELIVER_POINTS = (
    "deliver.before_lease",
    "deliver.leased",
    "deliver.before_send",
    "deliver.sent",
    "deliver.before_settle",
    "deliver.settled",
)
"""Passed by the step that sends messages; all but the first two once for each."""

at: dict[str, Callable[[], None]] = {}


def point(name: str) -> None:
    """A named instant; does nothing unless a trial asked for it."""
    action = at.get(name)
    if action:
        action()
