-- Percentiles over the 7 and 30 days that end with each day, from the additive histogram: at most 1 % too high.
WITH daily AS (
    SELECT tenant, application, DATE(hour_at) AS day, upper_ms, SUM(observations) AS observations
    FROM response_time_buckets_hourly
    GROUP BY tenant, application, DATE(hour_at), upper_ms
    UNION ALL
    SELECT tenant, '*' AS application, DATE(hour_at) AS day, upper_ms, SUM(observations) AS observations
    FROM response_time_buckets_hourly
    GROUP BY tenant, DATE(hour_at), upper_ms
),

edges AS (
    SELECT tenant, application, upper_ms FROM daily GROUP BY tenant, application, upper_ms
),

-- Every edge on every day: a frame of seven rows is then one of seven days.
trailing_sums AS (
    SELECT
        edges.tenant,
        edges.application,
        calendar.day,
        edges.upper_ms,
        SUM(daily.observations) OVER (
            PARTITION BY edges.tenant, edges.application, edges.upper_ms
            ORDER BY calendar.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS of_7_days,
        SUM(daily.observations) OVER (
            PARTITION BY edges.tenant, edges.application, edges.upper_ms
            ORDER BY calendar.day ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
        ) AS of_30_days
    FROM edges
    INNER JOIN calendar ON calendar.tenant = edges.tenant
    LEFT JOIN daily
        ON daily.tenant = edges.tenant
        AND daily.application = edges.application
        AND daily.upper_ms = edges.upper_ms
        AND daily.day = calendar.day
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
