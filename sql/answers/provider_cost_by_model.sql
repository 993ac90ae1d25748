-- question: What did each model bring in at list price, and what did its provider take?
-- asked in: Director's Palette: Revenue Dashboard: Revenue by model; Revenue Today (sum of cost_cents)
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: list_price: credits of completed charges, at 1 US cent each; those of failed ones are given back. A charge that
--   several generations share counts once. cost and margin are NULL while the cost of some charges is not known
--   (uncosted); they are in US dollars, as the prices of models are.

SELECT
    application,
    model,
    SUM(generations) AS generations,
    SUM(credits_charged) AS credits_charged,
    SUM(CASE WHEN status = 'completed' THEN price_micros ELSE 0 END) * 0.000001 AS list_price,
    CASE WHEN SUM(uncosted) = 0 THEN SUM(cost_micros) * 0.000001 END AS cost,
    CASE
        WHEN SUM(uncosted) = 0
            THEN SUM(CASE WHEN status = 'completed' THEN price_micros ELSE 0 END) * 0.000001 - SUM(cost_micros) * 0.000001
    END AS margin,
    SUM(uncosted) AS uncosted
FROM generations_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND currency IN ('', 'USD')
    AND (:application = '*' OR application = :application)
GROUP BY application, model
ORDER BY list_price DESC, application, model
