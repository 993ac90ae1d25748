"""A prefix with nothing below it: more often a slip of the pen than a quiet bucket."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from mediameter.doctor.case import Visit
from mediameter.doctor.finding import Finding, warning
from mediameter.systems.system import EVENT_OBJECTS

_SHOWN = 8


def nothing_below(visit: Visit, looked_at: str, names: Sequence[str]) -> Finding:
    """``names``: what there is at the top, folders with a slash behind them."""
    if not names and visit.system.form is EVENT_OBJECTS:
        return warning(looked_at, "nothing is there at all", "let the application's export put its files into it")
    if not names:
        here = "sync the log bucket into it" if visit.source.is_folder else "let the media buckets log into it"
        remedy = f"{here}; once logging is on, the first logs come within hours"
        return warning(looked_at, "nothing is there at all", remedy)
    prefixes = [name for name in names if name.endswith("/")] or list(names)
    near = get_close_matches(visit.source.prefix, prefixes, n=1, cutoff=0.6)
    shown = ", ".join(prefixes[:_SHOWN]) + (", …" if len(prefixes) > _SHOWN else "")
    remedy = f'set {visit.setting} prefix = "{near[0]}"' if near else f"correct {visit.setting} prefix"
    return warning(looked_at, f"no object begins with the prefix {visit.source.prefix!r}; there are: {shown}", remedy)
