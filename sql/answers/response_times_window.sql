-- question: What was the 95th percentile of the response time over the whole window?
-- asked in: Performance Monitoring: Response Times; Key Metrics to Monitor: Response Time
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), first_day, last_day
--   (the same days, inclusive), application ('*' = all), tenant
-- note: From the additive histogram of total_ms: at most 1 % too high, never too low. max_ms is exact of
--   whole days. No requests: NULL.

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
),

slowest AS (
    SELECT MAX(max_ms) AS max_ms
    FROM response_time_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND application = :application
        AND operation_class = '*'
        AND measure = 'total'
),

-- Nearest rank without a rounding: the first bucket by whose end p % of the requests have been seen.
ranked AS (
    SELECT
        COALESCE(MAX(observations), 0) AS observations,
        MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 99 THEN upper_ms END) AS p99_ms,
        MAX(upper_ms) AS max_ms
    FROM running
)

-- No percentile is above the slowest, which is known exactly: the end of its bucket may lie beyond it.
SELECT
    ranked.observations,
    CASE WHEN slowest.max_ms < ranked.p50_ms THEN slowest.max_ms ELSE ranked.p50_ms END AS p50_ms,
    CASE WHEN slowest.max_ms < ranked.p95_ms THEN slowest.max_ms ELSE ranked.p95_ms END AS p95_ms,
    CASE WHEN slowest.max_ms < ranked.p99_ms THEN slowest.max_ms ELSE ranked.p99_ms END AS p99_ms,
    CASE WHEN slowest.max_ms < ranked.max_ms THEN slowest.max_ms ELSE ranked.max_ms END AS max_ms
FROM ranked
CROSS JOIN slowest
