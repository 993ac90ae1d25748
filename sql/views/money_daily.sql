-- What came in and what went out, signed, so that a margin is a sum of rows of one currency.
SELECT
    cost.tenant,
    cost.day,
    cost.application,
    'bandwidth' AS kind,
    cost.currency,
    CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN -SUM(cost.cost_micros) END AS amount_micros,
    CASE
        WHEN COUNT(cost.cost_micros) = COUNT(*) THEN CAST(-SUM(cost.cost_micros) * 0.000001 AS DECIMAL(38, 6))
    END AS amount,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM bandwidth_cost_daily AS cost
LEFT JOIN day_finality AS finality ON finality.tenant = cost.tenant AND finality.day = cost.day
GROUP BY
    cost.tenant,
    cost.day,
    cost.application,
    cost.currency,
    finality.is_final,
    finality.is_suspect,
    finality.complete_through_at
