-- What came in and what went out, signed, so that a margin is a sum of rows of one currency.
WITH moved AS (
    SELECT
        cost.tenant,
        cost.day,
        cost.application,
        'bandwidth' AS kind,
        cost.currency,
        CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN -SUM(cost.cost_micros) END AS amount_micros,
        0 AS uncosted,
        SUM(CASE WHEN cost.cost_micros IS NULL THEN cost.bytes_sent ELSE 0 END) AS unpriced_bytes,
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
    UNION ALL
    SELECT
        credits.tenant,
        credits.day,
        credits.application,
        CASE credits.transaction_type WHEN 'purchase' THEN 'revenue' ELSE 'refund' END AS kind,
        credits.currency,
        SUM(credits.paid_micros) AS amount_micros,
        0 AS uncosted,
        0 AS unpriced_bytes,
        MIN(COALESCE(finality.is_final, 0)) AS is_final,
        MAX(COALESCE(finality.is_suspect, 0)) AS is_suspect,
        MIN(finality.complete_through_at) AS complete_through_at
    FROM credits_daily AS credits
    LEFT JOIN generation_finality AS finality
        ON finality.tenant = credits.tenant AND finality.day = credits.day AND finality.source = credits.source
    WHERE credits.transaction_type IN ('purchase', 'refund') AND credits.currency <> ''
    GROUP BY
        credits.tenant,
        credits.day,
        credits.application,
        CASE credits.transaction_type WHEN 'purchase' THEN 'revenue' ELSE 'refund' END,
        credits.currency
    UNION ALL
    -- Charges whose cost is not known stand in a row without a currency, and without an amount.
    SELECT
        made.tenant,
        made.day,
        made.application,
        'provider' AS kind,
        made.currency,
        CASE WHEN made.currency <> '' THEN -SUM(made.cost_micros) END AS amount_micros,
        SUM(made.uncosted) AS uncosted,
        0 AS unpriced_bytes,
        MIN(COALESCE(finality.is_final, 0)) AS is_final,
        MAX(COALESCE(finality.is_suspect, 0)) AS is_suspect,
        MIN(finality.complete_through_at) AS complete_through_at
    FROM generations_daily AS made
    LEFT JOIN generation_finality AS finality
        ON finality.tenant = made.tenant AND finality.day = made.day AND finality.source = made.source
    WHERE made.currency <> '' OR made.uncosted > 0
    GROUP BY made.tenant, made.day, made.application, made.currency
)

SELECT
    tenant,
    day,
    application,
    kind,
    currency,
    amount_micros,
    CAST(amount_micros * 0.000001 AS DECIMAL(38, 6)) AS amount,
    uncosted,
    unpriced_bytes,
    -- A sum of amounts leaves out what is NULL, and a row of one currency does not show what is in none.
    CASE
        WHEN MAX(CASE WHEN amount_micros IS NULL THEN 1 ELSE 0 END)
            OVER (PARTITION BY tenant, day, application, kind) = 0 THEN 1
        ELSE 0
    END AS is_whole,
    is_final,
    is_suspect,
    complete_through_at
FROM moved
