-- question: How fast was the storage each day: mean, maximum and 95th percentile?
-- asked in: Performance Monitoring: Response Times; Metrics Available: Response times; Key Metrics to Monitor:
--   Response Time
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Exact, nearest rank, over all operations. measure: `total` is until the last byte was out, `turn_around`
--   until the first (GETs of objects). Never add or average these rows: `response_times_window` answers for more
--   than a day.

SELECT
    response.day,
    response.measure,
    response.observations,
    response.mean_ms,
    response.p50_ms,
    response.p95_ms,
    response.p99_ms,
    response.max_ms,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM response_time_daily AS response
LEFT JOIN day_finality AS finality ON finality.tenant = response.tenant AND finality.day = response.day
WHERE response.tenant = :tenant
    AND response.day BETWEEN :first_day AND :last_day
    AND response.application = :application
    AND response.operation_class = '*'
ORDER BY response.day DESC, response.measure
