-- question: How many credits were bought, given, used and given back?
-- asked in: Director's Palette: Credit Events; Revenue Dashboard
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: credits are signed: what was used is below 0. paid: NULL where no currency is told, since no money moved, or
--   nobody said how much.

SELECT
    moved.application,
    moved.transaction_type,
    NULLIF(moved.currency, '') AS currency,
    SUM(moved.transactions) AS transactions,
    SUM(moved.credits) AS credits,
    CASE WHEN moved.currency <> '' THEN SUM(moved.paid_micros) * 0.000001 END AS paid
FROM credits_daily AS moved
WHERE moved.tenant = :tenant
    AND moved.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR moved.application = :application)
GROUP BY moved.application, moved.transaction_type, moved.currency
ORDER BY moved.application, moved.transaction_type, moved.currency
