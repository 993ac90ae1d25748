-- Percentiles over the 7 and 30 days that end with each day, from the additive histogram: at most 1 % too high.
WITH daily AS (
    SELECT tenant, application, day, upper_ms, observations
    FROM response_time_buckets_daily
    UNION ALL
    SELECT tenant, '*' AS application, day, upper_ms, SUM(observations) AS observations
    FROM response_time_buckets_daily
    GROUP BY tenant, day, upper_ms
),

edges AS (
    SELECT tenant, application, upper_ms FROM daily GROUP BY tenant, application, upper_ms
),

-- Every edge on every day, with 0 where nothing was seen: a frame of seven rows is then one of seven days.
grid AS (
    SELECT tenant, application, day, upper_ms, observations FROM daily
    UNION ALL
    SELECT edges.tenant, edges.application, calendar.day, edges.upper_ms, 0 AS observations
    FROM calendar
    INNER JOIN edges ON edges.tenant = calendar.tenant
),

trailing_sums AS (
    SELECT
        tenant,
        application,
        day,
        upper_ms,
        SUM(SUM(observations)) OVER (
            PARTITION BY tenant, application, upper_ms
            ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS of_7_days,
        SUM(SUM(observations)) OVER (
            PARTITION BY tenant, application, upper_ms
            ORDER BY day ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
        ) AS of_30_days
    FROM grid
    GROUP BY tenant, application, day, upper_ms
),

windows AS (
    SELECT 7 AS window_days
    UNION ALL
    SELECT 30 AS window_days
),

in_window AS (
    SELECT
        tenant,
        application,
        day,
        window_days,
        upper_ms,
        CASE window_days WHEN 7 THEN of_7_days ELSE of_30_days END AS observations
    FROM trailing_sums
    CROSS JOIN windows
),

running AS (
    SELECT
        tenant,
        application,
        day,
        window_days,
        upper_ms,
        SUM(observations) OVER (PARTITION BY tenant, application, day, window_days ORDER BY upper_ms) AS up_to_here,
        SUM(observations) OVER (PARTITION BY tenant, application, day, window_days) AS observations
    FROM in_window
    WHERE observations > 0
),

percentiles AS (
    -- Nearest rank without a rounding: the first edge by which p % of the requests have been seen.
    SELECT
        tenant,
        application,
        day,
        window_days,
        MAX(observations) AS observations,
        MIN(CASE WHEN up_to_here * 100 >= observations * 50 THEN upper_ms END) AS p50_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 95 THEN upper_ms END) AS p95_ms,
        MIN(CASE WHEN up_to_here * 100 >= observations * 99 THEN upper_ms END) AS p99_ms,
        MAX(upper_ms) AS max_ms
    FROM running
    GROUP BY tenant, application, day, window_days
)

SELECT
    percentiles.tenant,
    percentiles.day,
    percentiles.application,
    percentiles.window_days,
    percentiles.observations,
    percentiles.p50_ms,
    percentiles.p95_ms,
    percentiles.p99_ms,
    percentiles.max_ms,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM percentiles
LEFT JOIN day_finality AS finality ON finality.tenant = percentiles.tenant AND finality.day = percentiles.day
