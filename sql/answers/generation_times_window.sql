-- question: How long did half, and the slowest twentieth, of each model's generations take over the whole window?
-- asked in: Director's Palette: Model Timeout Spike
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), application
--   ('*' = all), tenant
-- note: From the additive histogram: at most 1 % too high. over_30_s counts what took more than 30 s, at most 1 % off
--   at the edge.

WITH counted AS (
    SELECT application, model, upper_ms, SUM(observations) AS observations
    FROM generation_time_buckets_hourly
    WHERE tenant = :tenant
        AND hour_at >= :first_at
        AND hour_at < :end_at
        AND (:application = '*' OR application = :application)
    GROUP BY application, model, upper_ms
),

running AS (
    SELECT
        application,
        model,
        upper_ms,
        observations AS of_edge,
        SUM(observations) OVER (PARTITION BY application, model ORDER BY upper_ms) AS up_to_here,
        SUM(observations) OVER (PARTITION BY application, model) AS observations
    FROM counted
)

SELECT
    application,
    model,
    MAX(observations) AS observations,
    MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
    MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
    MIN(CASE WHEN up_to_here * 100 >= observations * 99 THEN upper_ms END) AS p99_ms,
    SUM(CASE WHEN upper_ms > 30000 THEN of_edge ELSE 0 END) AS over_30_s
FROM running
GROUP BY application, model
ORDER BY p95_ms DESC, application, model
