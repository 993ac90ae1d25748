-- question: Which endpoints fail, and how often?
-- asked in: Metrics Available: Error rates by endpoint; Cost-Benefit Analysis: Performance optimization
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: An endpoint is an operation class and a key template; beyond 200 a day and application the rest are
--   `other`. Most errors first.

SELECT
    application,
    endpoint,
    SUM(requests) AS requests,
    SUM(errors) AS errors,
    SUM(errors_without_crawlers) AS errors_without_crawlers,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    SUM(errors) * 1e0 / NULLIF(SUM(requests), 0) AS error_rate,
    SUM(server_errors) * 1e0 / NULLIF(SUM(requests), 0) AS server_error_rate,
    SUM(client_aborts) * 1e0 / NULLIF(SUM(requests), 0) AS client_abort_rate
FROM endpoints_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY application, endpoint
ORDER BY errors DESC, requests DESC, application, endpoint
LIMIT :limit
