-- question: How many requests, deliveries and bytes were served each day?
-- asked in: Infrastructure-Level Tracking; Key Metrics to Monitor: Bandwidth Usage; Setting Up Alerts: requests
--   and bandwidth of the day
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Bytes of the responses' bodies. Deliveries fold the range requests of one playback.

SELECT
    traffic.day,
    SUM(traffic.requests) AS requests,
    SUM(traffic.deliveries) AS deliveries,
    SUM(traffic.bytes_sent) AS bytes_sent,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM traffic_daily AS traffic
LEFT JOIN day_finality AS finality ON finality.tenant = traffic.tenant AND finality.day = traffic.day
WHERE traffic.tenant = :tenant
    AND traffic.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR traffic.application = :application)
GROUP BY traffic.day, finality.is_final, finality.complete_through_at
ORDER BY traffic.day DESC
