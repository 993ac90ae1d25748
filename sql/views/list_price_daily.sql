-- Credits of completed charges at the price of a credit that is in force on the day.
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
)

SELECT
    made.tenant,
    made.day,
    made.application,
    made.source,
    made.model,
    prices.currency,
    made.completed_credits,
    -- As decimals: the product of two integers might not fit.
    CAST(
        ROUND(1.000000000000 * made.completed_credits * prices.amount_micros / prices.credits) AS DECIMAL(38, 0)
    ) AS list_price_micros,
    prices.price_basis
FROM made
INNER JOIN credit_price_daily AS prices
    ON prices.tenant = made.tenant AND prices.day = made.day AND prices.source = made.source
WHERE prices.is_in_force = 1
