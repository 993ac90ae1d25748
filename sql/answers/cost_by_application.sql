-- question: What did the bandwidth of each application cost, day by day?
-- asked in: Cost Analysis: Bandwidth by Application; Metrics Available: Cost tracking
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Bytes without a valid price card stand in a row of their own whose currency and cost are NULL: not
--   available, never 0. Days are those of the reporting zone. The price, its unit and where it was read stand in
--   `prices`.

SELECT
    cost.day,
    cost.application,
    SUM(cost.requests) AS requests,
    SUM(cost.bytes_sent) AS bytes_sent,
    -- Multiplied, not divided: MySQL cuts a quotient after four more digits, and a millionth needs six.
    CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN SUM(cost.cost_micros) * 0.000001 END AS cost,
    NULLIF(cost.currency, '') AS currency,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM bandwidth_cost_daily AS cost
LEFT JOIN day_finality AS finality ON finality.tenant = cost.tenant AND finality.day = cost.day
WHERE cost.tenant = :tenant
    AND cost.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR cost.application = :application)
GROUP BY cost.day, cost.application, cost.currency, finality.is_final, finality.complete_through_at
ORDER BY cost.day DESC, bytes_sent DESC, cost.application, cost.currency
