-- question: How were requests attributed to an application, and how sure is that?
-- asked in: From Application Tracking: Application source; Infrastructure-Level Tracking: Coverage
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: The first that applies: event_address and event_edge (an event of the application), media_file, key_pattern,
--   referer, none.

SELECT
    application,
    match_basis,
    match_confidence,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent
FROM attribution_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY application, match_basis, match_confidence
ORDER BY requests DESC, application, match_basis
