"""ClickHouse in the process: one pattern a line, and one query over all lines. Runs in an environment of its own.

`python chdb_regex.py THREADS GLOB` prints JSON: lines, failed, requests, bytes_sent, and the table it made.
"""

from __future__ import annotations

import json
import sys

LINE = (
    r"^[^ ]+ [^ ]+ \[([^ \]]+) [^\]]*\] ([^ ]+) .+? [^ ]+ (?:REST|WEBSITE|SOAP|BATCH|S3)\.[A-Z0-9_.]+ ([^ ]+) "
    r'(?:"[A-Z]+ [^ ]+ HTTP/[0-9.]+"|"-"|-) ([0-9]{3}|-) [^ ]+ ([0-9]+|-) (?:[0-9]+|-) ([0-9]+|-) (?:[0-9]+|-) ["-]'
)
QUERY = """
WITH extractGroups(line, {pattern}) AS words
SELECT day, application, count() AS lines, countIf(is_request) AS requests, sum(sent) AS bytes_sent,
    countIf(status >= 400) AS errors, quantilesExactIf(0.5, 0.95, 0.99)(total, is_request) AS percentiles,
    uniqExactIf(address, is_request) AS addresses
FROM (
    SELECT toDate(parseDateTimeOrNull(words[1], '%d/%b/%Y:%H:%i:%s')) AS day, words[2] AS address, words[3] AS key,
        multiIf(
            key LIKE 'files/%/%-%/%', extract(key, '^files/[^/]+/([^/]+)-[^-/]*/'),
            key LIKE 'media/%/%/%', extract(key, '^media/([^/]+)/'),
            'unattributed'
        ) AS application,
        toInt64OrNull(words[4]) AS status, status IS NOT NULL AS is_request,
        if(is_request, toInt64OrZero(words[5]), 0) AS sent, toInt64OrNull(words[6]) AS total
    FROM file({glob}, 'LineAsString', 'line String')
)
GROUP BY day, application ORDER BY day, application
SETTINGS max_threads = {threads}
"""


def main(threads: int, glob: str) -> None:
    import chdb  # type: ignore[import-not-found, unused-ignore]

    query = QUERY.format(pattern=_quoted(LINE), glob=_quoted(glob), threads=threads)
    rows = json.loads(str(chdb.query(query, "JSONCompact")))["data"]
    lines, requests, sent = (sum(int(row[column]) for row in rows) for column in (2, 3, 4))
    failed = sum(int(row[2]) for row in rows if row[0] is None)
    print(json.dumps({"lines": lines, "failed": failed, "requests": requests, "bytes_sent": sent, "rows": rows}))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
