-- question: How many distinct client addresses made requests, each day and over the last 7 and 30 days?
-- asked in: Key Metrics to Monitor: Unique IPs; Cost-Benefit Analysis: Security
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Each row's window ends with its day; is_final speaks of that day alone. Never add these rows.
--   is_behind_cdn: at least half of the requests came from CDN edges, so edges are counted, not viewers; NULL = not
--   available.

SELECT
    audience.day,
    audience.window_days,
    audience.unique_addresses,
    audience.is_behind_cdn,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM audience_trailing AS audience
LEFT JOIN day_finality AS finality ON finality.tenant = audience.tenant AND finality.day = audience.day
WHERE audience.tenant = :tenant
    AND audience.day BETWEEN :first_day AND :last_day
    AND audience.application = :application
ORDER BY audience.day DESC, audience.window_days
