-- question: How many generations did each model make?
-- asked in: Director's Palette: Generations by Model; Usage Dashboard: Total generations, Model popularity
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: All generations that were asked for; of these the completed, the failed, the pending, and the stale, which were
--   pending for too long.

SELECT
    application,
    model,
    MAX(model_name) AS model_name,
    SUM(generations) AS generations,
    SUM(CASE WHEN status = 'completed' THEN generations ELSE 0 END) AS completed_generations,
    SUM(CASE WHEN status = 'failed' THEN generations ELSE 0 END) AS failed_generations,
    SUM(CASE WHEN status = 'pending' THEN generations ELSE 0 END) AS pending_generations,
    SUM(CASE WHEN status = 'stale' THEN generations ELSE 0 END) AS stale_generations,
    SUM(outputs) AS outputs
FROM generations_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY application, model
ORDER BY generations DESC, application, model
