-- question: What share of the deliveries went to known users, and what share to anonymous ones?
-- asked in: From Application Tracking: Authentication context; Coverage: all authenticated requests
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: A delivery is authenticated if an event names its user. A delivery without an event counts as anonymous. NULL
--   while no application is connected.

WITH delivered AS (
    SELECT day, SUM(deliveries) AS deliveries
    FROM traffic_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY day
)

SELECT
    audience.day,
    COALESCE(delivered.deliveries, 0) AS deliveries,
    audience.authenticated_deliveries,
    COALESCE(delivered.deliveries, 0) - audience.authenticated_deliveries AS anonymous_deliveries,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    audience.authenticated_deliveries * 1e0 / NULLIF(delivered.deliveries, 0) AS authenticated_share,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM audience_trailing AS audience
LEFT JOIN delivered ON delivered.day = audience.day
LEFT JOIN day_finality AS finality ON finality.tenant = audience.tenant AND finality.day = audience.day
WHERE audience.tenant = :tenant
    AND audience.day BETWEEN :first_day AND :last_day
    AND audience.application = :application
    AND audience.window_days = 1
ORDER BY audience.day DESC
