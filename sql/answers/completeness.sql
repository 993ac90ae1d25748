-- question: How complete is each day, and how many objects and lines does it rest on?
-- asked in: Infrastructure-Level Tracking: hourly log delivery; Troubleshooting: Logs not appearing
-- parameters: first_day, last_day (inclusive), tenant
-- note: lines = parsed + ignored + rejected; distinct records = parsed - duplicates. A later object reopens a
--   final day and raises its revision. The true bytes are bytes_sent at least, and at most rejected_most_bytes +
--   unsure_bytes more, but for unsized_lines, of which nothing tells the size.

-- `days.` before `lines`: behind the point MySQL takes its reserved word for a name.
SELECT
    days.day,
    days.source,
    days.state,
    CASE WHEN days.state = 'open' THEN 0 ELSE 1 END AS is_final,
    days.is_suspect,
    days.revision,
    days.complete_through_at,
    days.objects,
    days.lines,
    days.parsed,
    days.ignored,
    days.rejected,
    days.duplicates,
    days.bytes_sent,
    days.rejected_least_bytes,
    days.rejected_most_bytes,
    days.unsized_lines,
    days.unsure_lines,
    days.unsure_bytes
FROM days
WHERE days.tenant = :tenant
    AND days.day BETWEEN :first_day AND :last_day
ORDER BY days.day DESC, days.source
