-- question: What will the month cost at this rate, and does that exceed the budget?
-- asked in: Key Metrics to Monitor: Cost Projection
-- parameters: month_first_day, last_day (the month so far, inclusive), days_so_far, days_in_month, application
--   ('*' = all), budget_micros, budget_currency (NULL = no budget), tenant
-- note: Cost of the hours that are known / known_hours * hours of the month (the view `cost_through`): neither days
--   before the first log nor open days are known. Not available for less than 24 known hours, and never less than the
--   cost so far. Bytes without a valid price card stand in a row of their own whose cost is NULL: the other rows'
--   projection does not hold them. The budget is that of all applications, and held against nothing else; the answer
--   `budgets` has all budgets.

WITH projection AS (
    SELECT
        currency,
        bytes_sent,
        cost_micros,
        known_cost_micros,
        known_hours,
        hours_in_month,
        projected_cost,
        CASE WHEN currency = :budget_currency AND :application = '*' THEN :budget_micros END AS budget_micros
    FROM cost_through
    WHERE tenant = :tenant
        AND application = :application
        AND day = (
            SELECT MAX(day) FROM calendar WHERE tenant = :tenant AND day BETWEEN :month_first_day AND :last_day
        )
)

SELECT
    NULLIF(currency, '') AS currency,
    bytes_sent,
    cost_micros * 0.000001 AS cost,
    projected_cost,
    budget_micros * 0.000001 AS budget,
    -- Judged in whole numbers: a projection that meets the budget exactly is not over it.
    CASE
        WHEN cost_micros > budget_micros THEN 1
        WHEN projected_cost IS NULL OR budget_micros IS NULL THEN NULL
        WHEN known_cost_micros * hours_in_month > budget_micros * known_hours THEN 1
        ELSE 0
    END AS is_over_budget,
    (
        SELECT COUNT(*)
        FROM day_finality
        WHERE tenant = :tenant AND is_final = 1 AND day BETWEEN :month_first_day AND :last_day
    ) AS final_days,
    known_hours,
    :days_so_far AS days_so_far,
    :days_in_month AS days_in_month
FROM projection
ORDER BY projection.currency
