-- Credits of completed charges at the price of a credit: what the settings say, else what was paid for those that were sold.
WITH made AS (
    SELECT
        tenant,
        day,
        application,
        source,
        model,
        SUM(CASE WHEN status = 'completed' THEN credits_charged ELSE 0 END) AS completed_credits
    FROM generations_daily
    GROUP BY tenant, day, application, source, model
),

sold AS (
    SELECT tenant, source, currency, day, SUM(paid_micros) AS paid_micros, SUM(credits) AS credits
    FROM credits_daily
    WHERE transaction_type = 'purchase' AND currency <> ''
    GROUP BY tenant, source, currency, day
),

-- All that was sold up to a day with a sale; the first such day's price holds for the days before it, too.
measured AS (
    SELECT
        tenant,
        source,
        currency,
        CASE WHEN ROW_NUMBER() OVER so_far > 1 THEN day END AS first_day,
        LEAD(day) OVER so_far AS next_first_day,
        SUM(paid_micros) OVER so_far AS amount_micros,
        SUM(credits) OVER so_far AS credits
    FROM sold
    WINDOW so_far AS (PARTITION BY tenant, source, currency ORDER BY day)
),

priced AS (
    SELECT
        made.tenant,
        made.day,
        made.application,
        made.source,
        made.model,
        made.completed_credits,
        cards.currency,
        cards.amount_micros,
        cards.credits,
        'set' AS price_basis
    FROM made
    INNER JOIN credit_prices AS cards
        ON cards.tenant = made.tenant
            AND cards.source = made.source
            AND made.day >= cards.valid_from_day
            AND (cards.valid_to_day IS NULL OR made.day <= cards.valid_to_day)
    UNION ALL
    SELECT
        made.tenant,
        made.day,
        made.application,
        made.source,
        made.model,
        made.completed_credits,
        measured.currency,
        measured.amount_micros,
        measured.credits,
        'measured' AS price_basis
    FROM made
    INNER JOIN measured
        ON measured.tenant = made.tenant
            AND measured.source = made.source
            AND (measured.first_day IS NULL OR made.day >= measured.first_day)
            AND (measured.next_first_day IS NULL OR made.day < measured.next_first_day)
    WHERE measured.credits > 0 AND NOT EXISTS (
        SELECT 1
        FROM credit_prices AS cards
        WHERE cards.tenant = made.tenant AND cards.source = made.source
    )
)

SELECT
    tenant,
    day,
    application,
    source,
    model,
    currency,
    completed_credits,
    -- As decimals: the product of two integers might not fit.
    CAST(ROUND(1.000000000000 * completed_credits * amount_micros / credits) AS DECIMAL(38, 0)) AS list_price_micros,
    price_basis
FROM priced
