-- question: Which operations of which application are slow?
-- asked in: Cost-Benefit Analysis: Performance optimization
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), first_day, last_day
--   (the same days, inclusive), application ('*' = all), limit, tenant
-- note: By operation class, from the additive histogram: at most 1 % too high; max_ms is exact of whole days. The document says
--   endpoint; response times are not kept by endpoint.

WITH buckets AS (
    SELECT application, operation_class, upper_ms, SUM(observations) AS observations
    FROM response_time_buckets_hourly
    WHERE tenant = :tenant
        AND hour_at >= :first_at
        AND hour_at < :end_at
        AND (:application = '*' OR application = :application)
    GROUP BY application, operation_class, upper_ms
),

running AS (
    SELECT
        application,
        operation_class,
        upper_ms,
        SUM(observations) OVER (PARTITION BY application, operation_class ORDER BY upper_ms) AS up_to_here,
        SUM(observations) OVER (PARTITION BY application, operation_class) AS observations
    FROM buckets
),

slowest AS (
    SELECT application, operation_class, MAX(max_ms) AS max_ms
    FROM response_time_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day AND measure = 'total'
    GROUP BY application, operation_class
),

ranked AS (
    SELECT
        application,
        operation_class,
        MAX(observations) AS observations,
        MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
        MAX(upper_ms) AS max_ms
    FROM running
    GROUP BY application, operation_class
)

-- No percentile is above the slowest, which is known exactly: the end of its bucket may lie beyond it.
SELECT
    ranked.application,
    ranked.operation_class,
    ranked.observations,
    CASE WHEN slowest.max_ms < ranked.p50_ms THEN slowest.max_ms ELSE ranked.p50_ms END AS p50_ms,
    CASE WHEN slowest.max_ms < ranked.p95_ms THEN slowest.max_ms ELSE ranked.p95_ms END AS p95_ms,
    CASE WHEN slowest.max_ms < ranked.max_ms THEN slowest.max_ms ELSE ranked.max_ms END AS max_ms
FROM ranked
LEFT JOIN slowest
    ON slowest.application = ranked.application AND slowest.operation_class = ranked.operation_class
ORDER BY p95_ms DESC, ranked.application, ranked.operation_class
LIMIT :limit
