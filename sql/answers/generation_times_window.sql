-- question: How long did half, and the slowest twentieth, of each model's generations take over the whole window?
-- asked in: Director's Palette: Model Timeout Spike
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), application
--   ('*' = all), tenant
-- note: Percentiles are of completed generations, from the additive histogram: at most 1 % too high. slow_generations are
--   exact: what took more than 30 s, a video more than 3 minutes, whatever became of it.

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
),

ranked AS (
    SELECT
        application,
        model,
        MAX(observations) AS observations,
        MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 99 THEN upper_ms END) AS p99_ms
    FROM running
    GROUP BY application, model
),

timed AS (
    SELECT application, model, SUM(slow_generations) AS slow_generations
    FROM generations_hourly
    WHERE tenant = :tenant
        AND hour_at >= :first_at
        AND hour_at < :end_at
        AND (:application = '*' OR application = :application)
    GROUP BY application, model
),

names AS (
    SELECT application, model FROM ranked
    UNION
    SELECT application, model FROM timed WHERE slow_generations > 0
)

SELECT
    names.application,
    names.model,
    COALESCE(ranked.observations, 0) AS observations,
    ranked.p50_ms,
    ranked.p95_ms,
    ranked.p99_ms,
    COALESCE(timed.slow_generations, 0) AS slow_generations
FROM names
LEFT JOIN ranked ON ranked.application = names.application AND ranked.model = names.model
LEFT JOIN timed ON timed.application = names.application AND timed.model = names.model
ORDER BY COALESCE(ranked.p95_ms, 0) DESC, names.application, names.model
