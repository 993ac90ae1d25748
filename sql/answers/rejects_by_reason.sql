-- question: What could not be read, and why?
-- asked in: Troubleshooting: Processing script fails (does the log format match the parser)
-- parameters: tenant, first_at, end_at (UTC begin of the first day and end of the last in the reporting zone)
-- note: A line counts at its object's first record, else at the object's last-modified. The lines themselves stand
--   in `rejects`, each with the least and the most bytes that it may stand for. Objects are refused whole where they are no access log we know.

SELECT
    objects.source,
    rejects.reason,
    SUM(CASE WHEN rejects.line_number > 0 THEN 1 ELSE 0 END) AS rejected_lines,
    SUM(CASE WHEN rejects.line_number = 0 THEN 1 ELSE 0 END) AS refused_objects,
    -- Not summed as integers: a client may have planted numbers whose sum 64 bits do not hold.
    SUM(COALESCE(rejects.least_bytes, 0) * 1.0) AS least_bytes,
    SUM(COALESCE(rejects.most_bytes, 0) * 1.0) AS most_bytes,
    SUM(
        CASE WHEN rejects.line_number > 0 AND (rejects.most_bytes IS NULL OR rejects.reason = 'GLUED_LINES')
            THEN 1 ELSE 0 END
    ) AS unsized_lines
FROM rejects
INNER JOIN objects ON objects.tenant = rejects.tenant AND objects.object_id = rejects.object_id
WHERE rejects.tenant = :tenant
    AND objects.state <> 'superseded'
    AND COALESCE(objects.first_at, objects.last_modified_at) >= :first_at
    AND COALESCE(objects.first_at, objects.last_modified_at) < :end_at
GROUP BY objects.source, rejects.reason
ORDER BY rejected_lines DESC, refused_objects DESC, objects.source, rejects.reason
