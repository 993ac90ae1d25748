-- What each month has cost so far, and will cost at that pace (cost_through).
WITH months AS (
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

projected AS (
    SELECT
        months.tenant,
        months.month_first_day,
        spent.application,
        spent.currency,
        months.last_day,
        months.days_so_far,
        months.days_in_month,
        months.final_days,
        spent.known_hours,
        spent.bytes_sent,
        spent.cost_micros,
        spent.projected_cost
    FROM months
    INNER JOIN cost_through AS spent ON spent.tenant = months.tenant AND spent.day = months.last_day
),

-- What has a cost and no invoice of its source. The id of a price begins with the source that it is for.
not_invoiced AS (
    SELECT DISTINCT months.tenant, months.month_first_day, cost.currency
    FROM months
    INNER JOIN bandwidth_cost_daily AS cost
        ON cost.tenant = months.tenant AND cost.day BETWEEN months.month_first_day AND months.last_day
    LEFT JOIN invoices
        ON invoices.tenant = cost.tenant
        AND invoices.month_first_day = months.month_first_day
        AND invoices.currency = cost.currency
        AND SUBSTR(cost.price_id, 1, LENGTH(invoices.source)) = invoices.source
        AND SUBSTR(cost.price_id, LENGTH(invoices.source) + 1, 1) = '/'
    WHERE invoices.tenant IS NULL
),

-- It is of all applications: part of it is none of theirs.
invoiced AS (
    SELECT
        invoices.tenant,
        invoices.month_first_day,
        invoices.currency,
        '*' AS application,
        SUM(invoices.amount_micros) AS amount_micros
    FROM invoices
    LEFT JOIN not_invoiced
        ON not_invoiced.tenant = invoices.tenant
        AND not_invoiced.month_first_day = invoices.month_first_day
        AND not_invoiced.currency = invoices.currency
    WHERE not_invoiced.tenant IS NULL
    GROUP BY invoices.tenant, invoices.month_first_day, invoices.currency
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
    projected.known_hours,
    projected.bytes_sent,
    projected.cost_micros,
    CAST(projected.cost_micros * 0.000001 AS DECIMAL(38, 6)) AS cost,
    projected.projected_cost,
    CAST(budget.threshold AS DECIMAL(38, 6)) AS budget,
    CASE
        WHEN projected.cost_micros * 0.000001 > CAST(budget.threshold AS DECIMAL(38, 6)) THEN 1
        WHEN projected.projected_cost > CAST(budget.threshold AS DECIMAL(38, 6)) THEN 1
        WHEN projected.projected_cost IS NOT NULL AND budget.threshold IS NOT NULL THEN 0
    END AS is_over_budget,
    CAST(invoiced.amount_micros * 0.000001 AS DECIMAL(38, 6)) AS invoice,
    CAST((invoiced.amount_micros - projected.cost_micros) * 0.000001 AS DECIMAL(38, 6)) AS invoice_difference,
    (invoiced.amount_micros - projected.cost_micros) * 1e0 / NULLIF(invoiced.amount_micros, 0)
        AS invoice_difference_share
FROM projected
LEFT JOIN invoiced
    ON invoiced.tenant = projected.tenant
    AND invoiced.month_first_day = projected.month_first_day
    AND invoiced.currency = projected.currency
    AND invoiced.application = projected.application
-- The budget is that of all applications, and stands with the check that judges it.
LEFT JOIN alert_checks_daily AS budget
    ON budget.tenant = projected.tenant
    AND budget.day = projected.last_day
    AND budget.rule = 'monthly_budget'
    AND budget.check_group = projected.application
    AND budget.unit = projected.currency
