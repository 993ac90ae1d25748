-- question: Which 4xx and 5xx statuses do requests fail with, and where?
-- asked in: Metrics Available: Error rates (4xx, 5xx)
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: error_code is the storage's own word for it; NULL where the log has none. 499 is the client that went
--   away.

SELECT
    http_status,
    NULLIF(error_code, '') AS error_code,
    application,
    endpoint,
    SUM(requests) AS requests
FROM errors_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY http_status, errors_daily.error_code, application, endpoint
ORDER BY requests DESC, http_status, errors_daily.error_code, application, endpoint
LIMIT :limit
