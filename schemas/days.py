"""The state of days: how complete each is, what the gate says of it, and what the alert rules say."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.records import NOT_COUNTED
from schemas.traffic_columns import (
    DAY,
    TENANT,
)
from schemas.vocabulary import (
    DAY_FAMILIES,
    DAY_STATES,
    SEVERITIES,
    VERDICTS,
)

ALERT_CHECKS_DAILY = Contract(
    "alert_checks_daily",
    "tenant, day, rule, group",
    "The verdict of each rule on each day. A day that is not complete is neither good nor bad.",
    (
        TENANT,
        DAY,
        key("rule", "text", "Name of the rule.", length=64),
        key("check_group", "text", "What the rule was judged for; `*` is everything.", length=128),
        Column("value", "float", "The measure; one division of integers at most.", null="not available"),
        Column("threshold", "float", "Above this the rule fires.", null="no threshold is set"),
        Column("unit", "text", "bytes, ratio, ms, addresses, or a currency."),
        Column("verdict", "text", "The answer.", among=VERDICTS),
        measure("sample", "Requests the value rests on.", unit="requests"),
        Column("complete_through_at", "instant", "Until when the logs were complete.", null="nothing listed yet"),
    ),
    additivity="S",
)
DAYS = Contract(
    "days",
    "tenant, source, day",
    "How complete each day is and what it rests on. lines = parsed + ignored + rejected; "
    "distinct records = parsed - duplicates. A rejected or ignored line counts on its object's first day.",
    (
        TENANT,
        key("source", "text", "Source in the settings.", length=64),
        DAY,
        Column("family", "text", "What the source tells of: traffic, or generations.", among=DAY_FAMILIES, length=16),
        Column(
            "state",
            "text",
            "open, or final (complete, and no rule broken). frozen: its raw data was deleted; set by nothing yet.",
            among=DAY_STATES,
        ),
        Column("is_suspect", "bool", "A rule of quality is broken, or too much was rejected or refused."),
        measure("revision", "How often the day has been written."),
        Column(
            "complete_through_at", "instant", "Until when the source's logs are complete.", null="nothing listed yet"
        ),
        measure("objects", "Log objects booked on this day, empty and refused ones among them.", unit="objects"),
        measure("lines", "Lines.", unit="lines"),
        measure("parsed", "Lines that became records.", unit="lines"),
        measure("ignored", "Blank lines, and the log bucket's own records.", unit="lines"),
        measure("rejected", "Lines that could not be read; see rejects.", unit="lines"),
        measure("duplicates", "Records that were there already.", unit="lines"),
        measure("bytes_sent", "Bytes sent by the day's requests; 0 of generations.", unit="bytes"),
        *NOT_COUNTED,
    ),
    kind="state",
    additivity="S",
    summable=(
        "objects", "lines", "parsed", "ignored", "rejected", "duplicates", "bytes_sent",
        *(column.name for column in NOT_COUNTED),
    ),
)  # fmt: skip
QUALITY_CHECKS_DAILY = Contract(
    "quality_checks_daily",
    "tenant, day, suite, rule",
    "The last result of the quality gate for each day and rule. A day's traffic, or its generations, that breaks a "
    "critical one is suspect and never final. Written again whenever the day or the suites are.",
    (
        TENANT,
        DAY,
        key("suite", "text", "File in `sql/suites`, or in `expectations` beside the settings.", length=64),
        key("rule", "text", "Name of the rule there.", length=64),
        Column("family", "text", "What of the day the suite judges.", among=DAY_FAMILIES, length=16),
        Column("severity", "text", "Whether a break makes the day suspect.", among=SEVERITIES),
        Column("is_met", "bool", "The day keeps the rule."),
        Column("detail", "text", "Where it is broken: table and figures found.", null="it is met"),
    ),
    kind="state",
    additivity="S",
)
