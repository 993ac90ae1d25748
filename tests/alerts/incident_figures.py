"""What of an incident must not depend on the order in which its evidence came."""

from __future__ import annotations

FIGURES = ("begin_at", "last_bad_at", "state", "severity", "value", "worst_value", "threshold", "sample", "bad_windows",
           "good_windows", "reopened", "fired_at", "resolved_at", "judged_through_at")  # fmt: skip
