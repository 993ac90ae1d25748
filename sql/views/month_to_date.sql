-- What each month has cost so far, and will cost at that pace. Days without data are days without cost.
WITH cost AS (
    SELECT tenant, application, day, currency, bytes_sent, cost_micros FROM bandwidth_cost_daily
    UNION ALL
    SELECT tenant, '*' AS application, day, currency, bytes_sent, cost_micros FROM bandwidth_cost_daily
),

months AS (
    SELECT
        tenant,
        month_first_day,
        MAX(day) AS last_day,
        MAX(day_of_month) AS days_so_far,
        MAX(days_in_month) AS days_in_month,
        SUM(is_final) AS final_days
    FROM calendar
    GROUP BY tenant, month_first_day
),

spent AS (
    SELECT
        months.tenant,
        months.month_first_day,
        cost.application,
        cost.currency,
        months.last_day,
        months.days_so_far,
        months.days_in_month,
        months.final_days,
        SUM(cost.bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN SUM(cost.cost_micros) END AS cost_micros
    FROM months
    INNER JOIN cost
        ON cost.tenant = months.tenant AND cost.day BETWEEN months.month_first_day AND months.last_day
    GROUP BY
        months.tenant,
        months.month_first_day,
        cost.application,
        cost.currency,
        months.last_day,
        months.days_so_far,
        months.days_in_month,
        months.final_days
),

projected AS (
    SELECT
        spent.*,
        -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
        CAST(ROUND(cost_micros * 1e0 * days_in_month / days_so_far * 0.000001, 6) AS DECIMAL(38, 6)) AS projected_cost
    FROM spent
)

SELECT
    projected.tenant,
    projected.month_first_day,
    projected.application,
    projected.currency,
    projected.last_day,
    projected.days_so_far,
    projected.days_in_month,
    projected.final_days,
    projected.bytes_sent,
    projected.cost_micros,
    CAST(projected.cost_micros * 0.000001 AS DECIMAL(38, 6)) AS cost,
    projected.projected_cost,
    CAST(budget.threshold AS DECIMAL(38, 6)) AS budget,
    CASE
        WHEN projected.projected_cost > CAST(budget.threshold AS DECIMAL(38, 6)) THEN 1
        WHEN projected.projected_cost IS NOT NULL AND budget.threshold IS NOT NULL THEN 0
    END AS is_over_budget
FROM projected
-- The budget is that of all applications, and stands with the check that judges it.
LEFT JOIN alert_checks_daily AS budget
    ON budget.tenant = projected.tenant
    AND budget.day = projected.last_day
    AND budget.rule = 'monthly_budget'
    AND budget.check_group = projected.application
    AND budget.unit = projected.currency
