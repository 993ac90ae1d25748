-- question: How fast was the storage over the 7 and 30 days that end with each day?
-- asked in: Performance Monitoring: Response Times (7 days); Key Metrics to Monitor: Response Time
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From the view `response_time_window`: at most 1 % too high; max_ms is exact. is_final speaks of the last
--   day alone.

SELECT
    day,
    window_days,
    observations,
    p50_ms,
    p95_ms,
    p99_ms,
    max_ms,
    is_final,
    complete_through_at
FROM response_time_window
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND application = :application
ORDER BY day DESC, window_days
