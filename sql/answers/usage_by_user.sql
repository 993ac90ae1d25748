-- question: How much was each user served?
-- asked in: From Application Tracking: User ID; Cost-Benefit Analysis: User insights
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: Requests whose viewer an event of the application names. No rows while no application is connected. The id is the
--   application's; email addresses are never read.

SELECT
    user_id,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent,
    MAX(last_at) AS last_at
FROM users_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY user_id
ORDER BY bytes_sent DESC, user_id
LIMIT :limit
