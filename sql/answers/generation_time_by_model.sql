-- question: What is the mean time of each model's generations?
-- asked in: Director's Palette: Average Generation Time by Model
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Completed generations with a time, from asked for to done. Percentiles of a day stand in
--   `generation_time_daily`, of a window in `generation_times_window`.

SELECT
    application,
    model,
    SUM(duration_count) AS observations,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    SUM(duration_ms_sum) * 1e0 / NULLIF(SUM(duration_count), 0) AS average_ms
FROM generations_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND status = 'completed'
    AND (:application = '*' OR application = :application)
GROUP BY application, model
ORDER BY average_ms DESC, application, model
