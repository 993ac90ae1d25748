-- Percentiles over the 7 and 30 days that end with each day, and whether that day's figures are final.
SELECT
    trailing_times.tenant,
    trailing_times.day,
    trailing_times.application,
    trailing_times.window_days,
    trailing_times.observations,
    trailing_times.p50_ms,
    trailing_times.p95_ms,
    trailing_times.p99_ms,
    trailing_times.max_ms,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM response_time_trailing AS trailing_times
LEFT JOIN day_finality AS finality
    ON finality.tenant = trailing_times.tenant AND finality.day = trailing_times.day
