-- question: What did each application bring in, what did it cost, and what is left?
-- asked in: Director's Palette: Revenue Dashboard; Cost Analysis: Bandwidth by Application
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From the view `money_daily`: revenue really paid, less what was paid back, what providers took, and bandwidth. A
--   side that is not known makes the margin NULL; a side that there is nothing of is 0. One currency a row.

SELECT
    money.application,
    NULLIF(money.currency, '') AS currency,
    SUM(CASE WHEN money.kind = 'revenue' THEN money.amount_micros ELSE 0 END) * 0.000001 AS paid,
    SUM(CASE WHEN money.kind = 'refund' THEN money.amount_micros ELSE 0 END) * 0.000001 AS paid_back,
    SUM(CASE WHEN money.kind = 'provider' THEN money.amount_micros ELSE 0 END) * 0.000001 AS provider_cost,
    SUM(CASE WHEN money.kind = 'bandwidth' THEN money.amount_micros ELSE 0 END) * 0.000001 AS bandwidth_cost,
    CASE WHEN COUNT(money.amount_micros) = COUNT(*) THEN SUM(money.amount_micros) * 0.000001 END AS margin,
    MIN(money.is_final) AS is_final
FROM money_daily AS money
WHERE money.tenant = :tenant
    AND money.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR money.application = :application)
GROUP BY money.application, money.currency
ORDER BY money.application, money.currency
