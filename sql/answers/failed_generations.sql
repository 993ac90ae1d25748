-- question: Which generations failed, when, for which user, and why?
-- asked in: Director's Palette: Failed Generations; High Error Rate
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: The newest first. Messages are redacted, the text of the prompt is cut out of them.

SELECT
    failed_at,
    application,
    user_id,
    model,
    generation_type,
    error_type,
    message
FROM generation_failures
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
ORDER BY failed_at DESC, application, event_id
LIMIT :limit
