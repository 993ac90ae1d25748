-- question: Which users cost most at the providers?
-- asked in: Director's Palette: Top Users by Spend (sum of cost_cents by user)
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit (of each currency), tenant
-- note: A row for each currency that a user's charges cost, ranked within it by known_cost: the sum over the charges whose
--   cost is known. provider_cost is that of all charges: NULL while the cost of some (uncosted, in whatever currency) is
--   not known. Credits and generations are the user's in all, in each row.

WITH of_users AS (
    SELECT
        user_id,
        application,
        SUM(uncosted) AS uncosted,
        SUM(credits_charged) AS credits_charged,
        SUM(generations) AS generations
    FROM generation_users_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY user_id, application
),

costs AS (
    SELECT user_id, application, currency, SUM(cost_micros) AS cost_micros
    FROM generation_users_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
        AND currency <> ''
    GROUP BY user_id, application, currency
    HAVING SUM(cost_micros) > 0
),

ranked AS (
    SELECT
        of_users.*,
        costs.currency,
        costs.cost_micros,
        ROW_NUMBER() OVER (
            PARTITION BY costs.currency
            ORDER BY costs.cost_micros DESC, of_users.uncosted DESC, of_users.user_id, of_users.application
        ) AS place
    FROM of_users
    LEFT JOIN costs ON costs.user_id = of_users.user_id AND costs.application = of_users.application
    WHERE of_users.generations > 0
)

SELECT
    currency,
    user_id,
    application,
    CASE WHEN uncosted = 0 THEN cost_micros * 0.000001 END AS provider_cost,
    cost_micros * 0.000001 AS known_cost,
    uncosted,
    credits_charged,
    generations
FROM ranked
WHERE place <= :limit
ORDER BY CASE WHEN currency IS NULL THEN 1 ELSE 0 END, currency, place
