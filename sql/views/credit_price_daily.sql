-- What a credit cost on each day with generations: as the settings say, as was paid for those that were sold, as a final day keeps it.
WITH made AS (
    SELECT tenant, day, source
    FROM generations_daily
    GROUP BY tenant, day, source
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

keeping AS (
    SELECT tenant, day, source
    FROM kept_prices
    WHERE kind = 'credit'
    GROUP BY tenant, day, source
),

priced AS (
    SELECT tenant, source
    FROM credit_prices
    GROUP BY tenant, source
)

SELECT
    made.tenant,
    made.day,
    made.source,
    kept.currency,
    kept.item AS price_basis,
    1 AS is_in_force,
    kept.amount_micros,
    kept.units AS credits
FROM made
INNER JOIN kept_prices AS kept
    ON kept.tenant = made.tenant AND kept.day = made.day AND kept.source = made.source AND kept.kind = 'credit'
WHERE kept.amount_micros IS NOT NULL
UNION ALL
SELECT
    made.tenant,
    made.day,
    made.source,
    cards.currency,
    'set' AS price_basis,
    CASE WHEN keeping.tenant IS NULL THEN 1 ELSE 0 END AS is_in_force,
    cards.amount_micros,
    cards.credits
FROM made
INNER JOIN credit_prices AS cards
    ON cards.tenant = made.tenant
        AND cards.source = made.source
        AND made.day >= cards.valid_from_day
        AND (cards.valid_to_day IS NULL OR made.day <= cards.valid_to_day)
LEFT JOIN keeping ON keeping.tenant = made.tenant AND keeping.day = made.day AND keeping.source = made.source
UNION ALL
SELECT
    made.tenant,
    made.day,
    made.source,
    measured.currency,
    'measured' AS price_basis,
    CASE WHEN keeping.tenant IS NULL AND priced.tenant IS NULL THEN 1 ELSE 0 END AS is_in_force,
    measured.amount_micros,
    measured.credits
FROM made
INNER JOIN measured
    ON measured.tenant = made.tenant
        AND measured.source = made.source
        AND (measured.first_day IS NULL OR made.day >= measured.first_day)
        AND (measured.next_first_day IS NULL OR made.day < measured.next_first_day)
LEFT JOIN keeping ON keeping.tenant = made.tenant AND keeping.day = made.day AND keeping.source = made.source
LEFT JOIN priced ON priced.tenant = made.tenant AND priced.source = made.source
WHERE measured.credits > 0
