-- question: Which files of an application were served most over 7 days, to how many users and addresses?
-- asked in: Combined View: Top Files by Bandwidth
-- parameters: last_day (the last of the 7), application ('*' = all), limit, tenant
-- note: access_count is deliveries, total_bandwidth the bytes that were really sent. Name and MIME type are NULL for a
--   key that is no media file, unique_users while no application is connected. Files that the application has deleted
--   keep their names. A day's table holds the 1,000 largest files of each application.

SELECT
    trailing_files.application,
    media_files.original_filename,
    media_files.mime_type,
    trailing_files.object_key,
    trailing_files.deliveries AS access_count,
    trailing_files.unique_users,
    trailing_files.unique_addresses AS unique_ips,
    trailing_files.bytes_sent AS total_bandwidth,
    trailing_files.last_at AS last_accessed
FROM media_file_trailing AS trailing_files
LEFT JOIN media_files
    ON media_files.tenant = trailing_files.tenant AND media_files.media_file_id = trailing_files.media_file_id
WHERE trailing_files.tenant = :tenant
    AND trailing_files.day = :last_day
    AND trailing_files.window_days = 7
    AND (:application = '*' OR trailing_files.application = :application)
ORDER BY total_bandwidth DESC, trailing_files.object_key_sha256, trailing_files.application
LIMIT :limit
