-- question: What was the 95th percentile of the response time over the whole window?
-- asked in: Performance Monitoring: Response Times; Key Metrics to Monitor: Response Time
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), application
--   ('*' = all), tenant
-- note: From the additive histogram of total_ms: at most 1 % too high, never too low. No requests: NULL. Whole
--   hours of UTC, so any window that begins and ends on an hour may be asked.

WITH buckets AS (
    SELECT upper_ms, SUM(observations) AS observations
    FROM response_time_buckets_hourly
    WHERE tenant = :tenant
        AND hour_at >= :first_at
        AND hour_at < :end_at
        AND (:application = '*' OR application = :application)
    GROUP BY upper_ms
),

running AS (
    SELECT
        upper_ms,
        SUM(observations) OVER (ORDER BY upper_ms) AS up_to_here,
        SUM(observations) OVER () AS observations
    FROM buckets
)

-- Nearest rank without a rounding: the first bucket by whose end p % of the requests have been seen.
SELECT
    COALESCE(MAX(observations), 0) AS observations,
    MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
    MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
    MIN(CASE WHEN up_to_here * 100 >= observations * 99 THEN upper_ms END) AS p99_ms,
    MAX(upper_ms) AS max_ms
FROM running
