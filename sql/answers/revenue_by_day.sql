-- question: What was really paid each day, and what was paid back?
-- asked in: Director's Palette: Revenue Today; Credit Purchase Revenue; Revenue Dashboard: Total revenue, Revenue by day;
--   Low Revenue
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Money of the purchases, not the credits that were granted. Paid back is below 0 and taken off the revenue. The
--   document's own query sums the provider's cost and calls it revenue: see `provider_cost_by_model` for that.

SELECT
    credits.day,
    credits.application,
    credits.currency,
    SUM(CASE WHEN credits.transaction_type = 'purchase' THEN credits.transactions ELSE 0 END) AS purchases,
    SUM(CASE WHEN credits.transaction_type = 'purchase' THEN credits.paid_micros ELSE 0 END) * 0.000001 AS paid,
    SUM(CASE WHEN credits.transaction_type = 'refund' THEN credits.paid_micros ELSE 0 END) * 0.000001 AS paid_back,
    SUM(credits.paid_micros) * 0.000001 AS revenue,
    MIN(COALESCE(finality.is_final, 0)) AS is_final,
    MIN(finality.complete_through_at) AS complete_through_at
FROM credits_daily AS credits
LEFT JOIN generation_finality AS finality
    ON finality.tenant = credits.tenant AND finality.day = credits.day AND finality.source = credits.source
WHERE credits.tenant = :tenant
    AND credits.day BETWEEN :first_day AND :last_day
    AND credits.currency <> ''
    AND (:application = '*' OR credits.application = :application)
GROUP BY credits.day, credits.application, credits.currency
ORDER BY credits.day DESC, credits.application, credits.currency
