-- question: What has been spent of each budget, and will it hold?
-- asked in: Key Metrics to Monitor: Cost Projection
-- parameters: first_day, last_day (inclusive: the last known day of them is told), tenant
-- note: From the view `budget_through`: the period (a month, or a week from Monday on) up to that day. The projection is
--   the cost of the hours that are known in the period's hours: not available for less than 24, and never less than the
--   cost. Only costs in the budget's currency are held against it; what stands in another one (is_counted = no), charges
--   whose cost is not known (uncosted) and bytes without a price card (unpriced_bytes) have rows of their own, and keep
--   is_over_budget from being "no": nobody knows.

SELECT
    budget_name,
    subject,
    period,
    period_first_day,
    day,
    NULLIF(currency, '') AS currency,
    is_counted,
    cost_micros * 0.000001 AS cost,
    projected_cost,
    budget,
    is_over_budget,
    known_hours,
    hours_in_period,
    uncosted,
    unpriced_bytes
FROM budget_through
WHERE tenant = :tenant
    AND day = (
        SELECT MAX(calendar.day) FROM calendar WHERE tenant = :tenant AND calendar.day BETWEEN :first_day AND :last_day
    )
ORDER BY budget_name, subject, budget_through.is_counted DESC, budget_through.currency
