-- question: Which operations are requested, and how do they end?
-- asked in: Infrastructure-Level Tracking: Coverage; Troubleshooting: Analytics mismatch
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: All records, bots among them. Lifecycle records and second records of one action are records, but no
--   requests.

SELECT
    operation_class,
    status_class,
    SUM(records) AS records,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent
FROM traffic_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY operation_class, status_class
ORDER BY records DESC, operation_class, status_class
