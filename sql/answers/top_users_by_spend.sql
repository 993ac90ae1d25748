-- question: Which users spend most, in money and in credits?
-- asked in: Director's Palette: Revenue Dashboard: Top paying users; User Dashboard: User leaderboard
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit (of each currency), tenant
-- note: A row for each currency that a user paid in, ranked within it: amounts of two currencies are neither added nor
--   compared. Users who paid nothing stand in the rows without a currency, ranked by credits. paid: NULL where a purchase
--   does not say its amount. Credits and generations are the user's in all, in each row. credits_spent: what was taken
--   less what was given back; NULL where the source does not tell it (event files), then see credits_charged. By user id:
--   addresses of mail do not come in.

WITH of_users AS (
    SELECT
        user_id,
        application,
        SUM(credits_charged) AS credits_charged,
        CASE WHEN COUNT(credits_spent) = COUNT(*) THEN SUM(credits_spent) END AS credits_spent,
        SUM(generations) AS generations,
        SUM(failed_generations) AS failed_generations
    FROM generation_users_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY user_id, application
),

payments AS (
    SELECT user_id, application, currency, SUM(paid_micros) AS paid_micros, SUM(purchases) AS purchases
    FROM generation_users_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
        AND (purchases > 0 OR paid_micros <> 0)
    GROUP BY user_id, application, currency
),

ranked AS (
    SELECT
        of_users.*,
        NULLIF(payments.currency, '') AS currency,
        CASE WHEN payments.currency = '' THEN NULL ELSE COALESCE(payments.paid_micros, 0) END AS paid_micros,
        COALESCE(payments.purchases, 0) AS purchases,
        ROW_NUMBER() OVER (
            PARTITION BY NULLIF(payments.currency, '')
            ORDER BY
                payments.paid_micros DESC,
                COALESCE(of_users.credits_spent, of_users.credits_charged) DESC,
                of_users.user_id,
                of_users.application
        ) AS place
    FROM of_users
    LEFT JOIN payments ON payments.user_id = of_users.user_id AND payments.application = of_users.application
    WHERE payments.user_id IS NOT NULL OR of_users.generations > 0
)

SELECT
    currency,
    user_id,
    application,
    paid_micros * 0.000001 AS paid,
    purchases,
    credits_spent,
    credits_charged,
    generations,
    failed_generations
FROM ranked
WHERE place <= :limit
ORDER BY CASE WHEN currency IS NULL THEN 1 ELSE 0 END, currency, place
