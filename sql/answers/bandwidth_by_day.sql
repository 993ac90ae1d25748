-- question: How many requests, deliveries and bytes were served each day?
-- asked in: Infrastructure-Level Tracking; Key Metrics to Monitor: Bandwidth Usage; Setting Up Alerts: requests
--   and bandwidth of the day
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: Bytes of the responses' bodies. Deliveries fold the range requests of one playback.

WITH finality AS (
    SELECT
        day,
        MIN(CASE WHEN state = 'open' THEN 0 ELSE 1 END) AS is_final,
        CASE WHEN COUNT(complete_through_at) = COUNT(*) THEN MIN(complete_through_at) END AS complete_through_at
    FROM days
    WHERE tenant = :tenant
    GROUP BY day
)

SELECT
    traffic.day,
    SUM(traffic.requests) AS requests,
    SUM(traffic.deliveries) AS deliveries,
    SUM(traffic.bytes_sent) AS bytes_sent,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM traffic_daily AS traffic
LEFT JOIN finality ON finality.day = traffic.day
WHERE traffic.tenant = :tenant
    AND traffic.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR traffic.application = :application)
GROUP BY traffic.day, finality.is_final, finality.complete_through_at
ORDER BY traffic.day DESC
