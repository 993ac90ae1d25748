"""What alerts remember: verdicts by window, incidents, silences. Analysts have `alert_checks_daily`."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.vocabulary import INCIDENT_STATES, SEVERITIES, TOLD, VERDICTS

_TENANT = key("tenant", "text", "Boundary of isolation; `default` where there is one.", length=64)
_RULE = key("rule", "text", "Name of the rule.", length=64)
_GROUP = key("check_group", "text", "What the rule was judged for; `*` is everything.", length=128)
_VALUE = Column("value", "float", "The measure, in the rule's unit.", null="not available")
_THRESHOLD = Column("threshold", "float", "Beyond this the rule fires.", null="no threshold is set")
_SAMPLE = measure("sample", "What the value rests on.")

ALERT_WINDOWS = Contract(
    "alert_windows",
    "tenant, rule, group, end of the window",
    "The last verdict of each rule on each window. Kept for 35 days; of rules about the present, only the last.",
    (
        _TENANT,
        _RULE,
        _GROUP,
        key("end_at", "instant", "End of the window, UTC."),
        Column("begin_at", "instant", "Begin of the window, UTC."),
        Column("day", "day", "Reporting day that the window ends on."),
        _VALUE,
        _THRESHOLD,
        Column("verdict", "text", "The answer.", among=VERDICTS),
        _SAMPLE,
    ),
    kind="internal",
)
INCIDENTS = Contract(
    "incidents",
    "tenant, incident",
    "One continuous trouble of a rule and group, with one begin and one end.",
    (
        _TENANT,
        key("incident_id", "text", "Of tenant, rule, group and begin.", length=32),
        Column("fingerprint", "text", "Of tenant, rule and group: one of these is open at most.", length=32),
        Column("rule", "text", "Name of the rule.", length=64),
        Column("check_group", "text", "What the rule was judged for; `*` is everything.", length=128),
        Column("state", "text", "pending (not bad for long enough yet), firing, resolved.", among=INCIDENT_STATES),
        Column("severity", "text", "The worst so far.", among=SEVERITIES),
        Column("begin_at", "instant", "Begin of its first bad window."),
        Column("last_bad_at", "instant", "End of its last bad window."),
        Column("judged_through_at", "instant", "End of the last window that it was judged by."),
        Column("value", "float", "Of its last bad window.", null="not available"),
        Column("worst_value", "float", "Of its worst window.", null="not available"),
        _THRESHOLD,
        _SAMPLE,
        measure("bad_windows", "Windows that were bad."),
        measure("good_windows", "Good windows in a row since the last bad one."),
        measure("reopened", "How often it was bad again soon after its end."),
        Column("fired_at", "instant", "When it had been bad for long enough.", null="it has not"),
        Column("resolved_at", "instant", "End of the window that ended it.", null="it has not ended"),
        Column("told", "text", "What people heard last: nothing (empty), a severity, or resolved.", among=TOLD),
        Column("heard", "text", "Severities that people heard of, separated by blanks; empty for none.", length=32),
        Column("told_at", "instant", "When they were last notified.", null="never"),
        measure("told_times", "Messages about it."),
        Column("amended_at", "instant", "When late data corrected it last.", null="never"),
        Column("is_late", "bool", "Only late data has shown it."),
        Column("note", "text", "What became of it, in words; empty for nothing."),
    ),
    kind="state",
)
ALERT_SILENCES = Contract(
    "alert_silences",
    "tenant, silence",
    "Rules about which no messages are sent for a while; their incidents are still recorded.",
    (
        _TENANT,
        key("silence_id", "text", "Random.", length=32),
        Column("rule", "text", "Name of the rule; `*` for all.", length=64),
        Column("check_group", "text", "Which group of it; `*` for all.", length=128),
        Column("begins_at", "instant", "From when."),
        Column("ends_at", "instant", "Until when."),
        Column("reason", "text", "Why."),
    ),
    kind="internal",
)
ALERTS = (ALERT_WINDOWS, INCIDENTS, ALERT_SILENCES)
