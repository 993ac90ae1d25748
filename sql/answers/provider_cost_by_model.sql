-- question: What did each model bring in at list price, and what did its provider take?
-- asked in: Director's Palette: Revenue Dashboard: Revenue by model; Revenue Today (sum of cost_cents)
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: A row for each currency that a model cost something in, or in which credits have a price: no amounts of two
--   currencies are added. list_price: all credits of completed charges at the price of a credit in that currency (those of
--   failed ones are given back); each currency values the same credits anew. price_basis: set in the settings
--   (credit_price), or measured: paid / credits sold; NULL, as the list price, where no price is known for some of them.
--   cost: NULL while the cost of some charges is not known (uncosted). margin = list_price - cost: NULL where one of them
--   is, or where the model costs something in another currency, too. Counts are the model's in all, in each row.

WITH made AS (
    SELECT
        application,
        source,
        model,
        SUM(generations) AS generations,
        SUM(credits_charged) AS credits_charged,
        SUM(CASE WHEN status = 'completed' THEN credits_charged ELSE 0 END) AS completed_credits,
        SUM(uncosted) AS uncosted
    FROM generations_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY application, source, model
),

costs AS (
    SELECT
        application,
        source,
        model,
        currency,
        SUM(cost_micros) AS cost_micros
    FROM generations_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day AND currency <> ''
    GROUP BY application, source, model, currency
),

listed AS (
    SELECT
        application,
        source,
        model,
        currency,
        SUM(completed_credits) AS completed_credits,
        SUM(list_price_micros) AS list_price_micros,
        MIN(price_basis) AS price_basis
    FROM list_price_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day
    GROUP BY application, source, model, currency
),

currencies AS (
    SELECT application, source, model, currency FROM costs
    UNION
    SELECT application, source, model, currency FROM listed
),

every_model AS (
    SELECT
        made.*,
        currencies.currency,
        CASE WHEN listed.completed_credits = made.completed_credits THEN listed.list_price_micros END AS list_price_micros,
        CASE WHEN listed.completed_credits = made.completed_credits THEN listed.price_basis END AS price_basis,
        CASE WHEN made.uncosted = 0 THEN COALESCE(costs.cost_micros, 0) END AS cost_micros,
        COALESCE((
            SELECT MAX(CASE WHEN elsewhere.currency <> currencies.currency AND elsewhere.cost_micros > 0 THEN 1 ELSE 0 END)
            FROM costs AS elsewhere
            WHERE elsewhere.application = made.application
                AND elsewhere.source = made.source
                AND elsewhere.model = made.model
        ), 0) AS costs_elsewhere
    FROM made
    LEFT JOIN currencies
        ON currencies.application = made.application
            AND currencies.source = made.source
            AND currencies.model = made.model
    LEFT JOIN costs
        ON costs.application = made.application
            AND costs.source = made.source
            AND costs.model = made.model
            AND costs.currency = currencies.currency
    LEFT JOIN listed
        ON listed.application = made.application
            AND listed.source = made.source
            AND listed.model = made.model
            AND listed.currency = currencies.currency
)

SELECT
    application,
    source,
    model,
    currency,
    generations,
    credits_charged,
    list_price_micros * 0.000001 AS list_price,
    price_basis,
    CASE WHEN currency IS NOT NULL THEN cost_micros * 0.000001 END AS cost,
    CASE WHEN costs_elsewhere = 0 THEN (list_price_micros - cost_micros) * 0.000001 END AS margin,
    uncosted
FROM every_model
ORDER BY CASE WHEN currency IS NULL THEN 1 ELSE 0 END, currency, list_price DESC, application, source, model
