-- question: From which countries do the requests come?
-- asked in: Metrics Available: Geographic distribution; Metrics Available: CDN performance
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: Rows with edge = `edge` say where the CDN stands, not the viewer. `not_available`: no country database, or
--   no table of CDN ranges.

SELECT
    country,
    edge,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent
FROM countries_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY country, edge
ORDER BY requests DESC, country, edge
LIMIT :limit
