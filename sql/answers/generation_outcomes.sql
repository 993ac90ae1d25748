-- question: How do the generations end, day by day?
-- asked in: Director's Palette: Usage Dashboard: Failed vs successful generations
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: `stale_generations` were pending for too long. failure_rate: failed of those that ended.

SELECT
    made.day,
    SUM(made.generations) AS generations,
    SUM(CASE WHEN made.status = 'completed' THEN made.generations ELSE 0 END) AS completed_generations,
    SUM(CASE WHEN made.status = 'failed' THEN made.generations ELSE 0 END) AS failed_generations,
    SUM(CASE WHEN made.status = 'pending' THEN made.generations ELSE 0 END) AS pending_generations,
    SUM(CASE WHEN made.status = 'stale' THEN made.generations ELSE 0 END) AS stale_generations,
    SUM(CASE WHEN made.status = 'failed' THEN made.generations ELSE 0 END) * 1e0
    / NULLIF(SUM(CASE WHEN made.status IN ('completed', 'failed') THEN made.generations ELSE 0 END), 0) AS failure_rate,
    MIN(COALESCE(finality.is_final, 0)) AS is_final,
    MIN(finality.complete_through_at) AS complete_through_at
FROM generations_daily AS made
LEFT JOIN generation_finality AS finality
    ON finality.tenant = made.tenant AND finality.day = made.day AND finality.source = made.source
WHERE made.tenant = :tenant
    AND made.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR made.application = :application)
GROUP BY made.day
ORDER BY made.day DESC
