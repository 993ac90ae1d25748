-- question: How much did each application serve?
-- asked in: From Application Tracking: Application source; Cost Analysis: Bandwidth by Application
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: `unattributed` is what neither an event, a media file, the key nor the referer gives to an application;
--   `attribution` says what the others rest on.

SELECT
    application,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent
FROM traffic_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY application
ORDER BY bytes_sent DESC, application
