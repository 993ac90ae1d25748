-- question: How many generations were asked for in each hour, and how many failed or were slow?
-- asked in: Director's Palette: Usage Dashboard: Generations per hour; High Error Rate
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), application
--   ('*' = all), tenant
-- note: Slow took more than 30 s, a video more than 3 minutes, whatever became of it. Hours are UTC. Only hours with generations have a row.

SELECT
    hour_at,
    application,
    SUM(generations) AS generations,
    SUM(CASE WHEN status = 'completed' THEN generations ELSE 0 END) AS completed_generations,
    SUM(CASE WHEN status = 'failed' THEN generations ELSE 0 END) AS failed_generations,
    SUM(slow_generations) AS slow_generations
FROM generations_hourly
WHERE tenant = :tenant
    AND hour_at >= :first_at
    AND hour_at < :end_at
    AND (:application = '*' OR application = :application)
GROUP BY hour_at, application
ORDER BY hour_at DESC, application
