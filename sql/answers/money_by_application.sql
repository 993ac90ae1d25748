-- question: What did each application bring in, what did it cost, and what is left?
-- asked in: Director's Palette: Revenue Dashboard; Cost Analysis: Bandwidth by Application
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From the view `money_daily`: revenue really paid, less what was paid back, what providers took, and bandwidth. One
--   currency a row. While the cost of some charges (uncosted) or bytes (unpriced_bytes) of the application is not known,
--   in whatever currency it may be, that side and the margin are NULL; a side that there is nothing of is 0.

WITH moved AS (
    SELECT
        application,
        currency,
        SUM(CASE WHEN kind = 'revenue' THEN amount_micros ELSE 0 END) AS paid_micros,
        SUM(CASE WHEN kind = 'refund' THEN amount_micros ELSE 0 END) AS paid_back_micros,
        SUM(CASE WHEN kind = 'provider' THEN amount_micros ELSE 0 END) AS provider_micros,
        SUM(CASE WHEN kind = 'bandwidth' THEN amount_micros ELSE 0 END) AS bandwidth_micros,
        MIN(is_final) AS is_final
    FROM money_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY application, currency
),

-- What is not known is of no currency, and so of each: whether all of it is final, too.
whole AS (
    SELECT
        application,
        SUM(uncosted) AS uncosted,
        SUM(unpriced_bytes) AS unpriced_bytes,
        MAX(CASE WHEN currency = '' THEN 0 ELSE 1 END) AS has_currency,
        MIN(CASE WHEN currency = '' THEN is_final END) AS is_final_unknown
    FROM money_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY application
)

SELECT
    moved.application,
    NULLIF(moved.currency, '') AS currency,
    moved.paid_micros * 0.000001 AS paid,
    moved.paid_back_micros * 0.000001 AS paid_back,
    CASE WHEN whole.uncosted = 0 THEN moved.provider_micros * 0.000001 END AS provider_cost,
    CASE WHEN whole.unpriced_bytes = 0 THEN moved.bandwidth_micros * 0.000001 END AS bandwidth_cost,
    CASE
        WHEN whole.uncosted = 0 AND whole.unpriced_bytes = 0
            THEN (moved.paid_micros + moved.paid_back_micros + moved.provider_micros + moved.bandwidth_micros) * 0.000001
    END AS margin,
    whole.uncosted,
    whole.unpriced_bytes,
    CASE WHEN whole.is_final_unknown = 0 THEN 0 ELSE moved.is_final END AS is_final
FROM moved
INNER JOIN whole ON whole.application = moved.application
WHERE moved.currency <> '' OR whole.has_currency = 0
ORDER BY moved.application, moved.currency
