-- question: Which users spend most, in money and in credits?
-- asked in: Director's Palette: Top Users by Spend; Revenue Dashboard: Top paying users; User Dashboard: User leaderboard
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: By user id: addresses of mail do not come in. Kept as long as the retention says.

SELECT
    user_id,
    application,
    MAX(currency) AS currency,
    SUM(paid_micros) * 0.000001 AS paid,
    SUM(credits_spent) AS credits_spent,
    SUM(purchases) AS purchases,
    SUM(generations) AS generations,
    SUM(failed_generations) AS failed_generations
FROM generation_users_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY user_id, application
ORDER BY paid DESC, credits_spent DESC, user_id, application
LIMIT :limit
