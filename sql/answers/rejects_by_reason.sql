-- question: What could not be read, and why?
-- asked in: Troubleshooting: Processing script fails (does the log format match the parser)
-- parameters: tenant, first_day, last_day, first_at, end_at (UTC begin of the first day, end of the last in the zone)
-- note: A line counts at its object's first record, else at the object's last-modified; a row of a table on the UTC day
--   that it was exported with, and one without a day in every window (of a table's day the first 1,000 are kept).
--   `mediameter rejects` shows all of them, each line with the least and the most bytes that it may stand for. Objects
--   are refused whole where they are no access log we know.

SELECT
    source,
    reason,
    SUM(rejected_line) AS rejected_lines,
    SUM(rejected_row) AS rejected_rows,
    SUM(refused_object) AS refused_objects,
    SUM(least) AS least_bytes,
    SUM(most) AS most_bytes,
    SUM(unsized_line) AS unsized_lines
FROM (
    SELECT
        objects.source AS source,
        rejects.reason AS reason,
        CASE WHEN rejects.line_number > 0 THEN 1 ELSE 0 END AS rejected_line,
        0 AS rejected_row,
        CASE WHEN rejects.line_number = 0 THEN 1 ELSE 0 END AS refused_object,
        -- Not summed as integers: a client may have planted numbers whose sum 64 bits do not hold.
        COALESCE(rejects.least_bytes, 0) * 1.0 AS least,
        COALESCE(rejects.most_bytes, 0) * 1.0 AS most,
        CASE
            WHEN rejects.line_number > 0 AND (rejects.most_bytes IS NULL OR rejects.reason = 'GLUED_LINES') THEN 1
            ELSE 0
        END AS unsized_line
    FROM rejects
    INNER JOIN objects ON objects.tenant = rejects.tenant AND objects.object_id = rejects.object_id
    WHERE rejects.tenant = :tenant
        AND objects.state <> 'superseded'
        AND COALESCE(objects.first_at, objects.last_modified_at) >= :first_at
        AND COALESCE(objects.first_at, objects.last_modified_at) < :end_at
    UNION ALL
    SELECT source, reason, 0, 1, 0, 0.0, 0.0, 0
    FROM row_rejects
    WHERE tenant = :tenant AND (export_day IS NULL OR export_day BETWEEN :first_day AND :last_day)
) each_reject
GROUP BY source, reason
ORDER BY rejected_lines DESC, rejected_rows DESC, refused_objects DESC, source, reason
