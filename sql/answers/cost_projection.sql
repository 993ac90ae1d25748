-- question: What will the month cost at this rate, and does that exceed the budget?
-- asked in: Key Metrics to Monitor: Cost Projection
-- parameters: month_first_day, last_day (the month so far, inclusive), days_so_far, days_in_month, application
--   ('*' = all), budget_micros, budget_currency (NULL = no budget), tenant
-- note: Cost so far / days so far * days in the month; days without data count as days without cost, final_days
--   says how many are final. Bytes without a valid price card stand in a row of their own whose cost is NULL: the
--   other rows' projection does not hold them.

WITH month_so_far AS (
    SELECT
        currency,
        SUM(bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(cost_micros) = COUNT(*) THEN SUM(cost_micros) END AS cost_micros
    FROM bandwidth_cost_daily
    WHERE tenant = :tenant
        AND day BETWEEN :month_first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY currency
),

projection AS (
    SELECT
        currency,
        bytes_sent,
        cost_micros,
        CASE WHEN currency = :budget_currency THEN :budget_micros END AS budget_micros
    FROM month_so_far
)

SELECT
    NULLIF(currency, '') AS currency,
    bytes_sent,
    cost_micros * 0.000001 AS cost,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    cost_micros * 1e0 * :days_in_month / :days_so_far * 0.000001 AS projected_cost,
    budget_micros * 0.000001 AS budget,
    -- Judged in whole numbers: a projection that meets the budget exactly is not over it.
    CASE
        WHEN cost_micros IS NULL OR budget_micros IS NULL THEN NULL
        WHEN cost_micros * :days_in_month > budget_micros * :days_so_far THEN 1
        ELSE 0
    END AS is_over_budget,
    (
        SELECT COUNT(*)
        FROM day_finality
        WHERE tenant = :tenant AND is_final = 1 AND day BETWEEN :month_first_day AND :last_day
    ) AS final_days,
    :days_so_far AS days_so_far,
    :days_in_month AS days_in_month
FROM projection
ORDER BY projection.currency
