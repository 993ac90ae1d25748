-- question: Which files were served most, by bytes?
-- asked in: Combined View: Top Files by Bandwidth
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: Any window, by the object's key. `top_files_combined` has the original filename, MIME type and unique users of
--   the last 7 days. media_file_id is NULL for what is no media file of a connected application. A file counts once,
--   whatever applications it was served for.

SELECT
    bucket,
    MAX(object_key) AS object_key,
    -- MAX: the id is empty on days before the application was connected.
    NULLIF(MAX(media_file_id), '') AS media_file_id,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent,
    MAX(last_at) AS last_at
FROM media_file_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY bucket, object_key_sha256
ORDER BY bytes_sent DESC, object_key_sha256, bucket
LIMIT :limit
