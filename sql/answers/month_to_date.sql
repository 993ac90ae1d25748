-- question: What has each month cost so far, and what will it cost?
-- asked in: Key Metrics to Monitor: Cost Projection; Metrics Available: Cost tracking
-- parameters: month_first_day, last_day (the months of these days), application ('*' = all), tenant
-- note: From the view of the same name: up to the last known day of the month. `cost_projection` does the same up to any
--   day. The projection is the cost of the hours that are known, known_hours, in the month's hours: not available for
--   less than 24. Bytes without a valid price card stand in a row of their own whose cost is NULL.

SELECT
    month_first_day,
    NULLIF(currency, '') AS currency,
    last_day,
    days_so_far,
    days_in_month,
    final_days,
    known_hours,
    bytes_sent,
    cost,
    projected_cost,
    budget,
    is_over_budget
FROM month_to_date
WHERE tenant = :tenant
    AND month_first_day BETWEEN :month_first_day AND :last_day
    AND application = :application
ORDER BY month_first_day DESC, month_to_date.currency
