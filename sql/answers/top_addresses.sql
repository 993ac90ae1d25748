-- question: Which addresses make the most requests: is one of them scraping?
-- asked in: Key Metrics to Monitor: Unique IPs (abuse, scraping); Cost-Benefit Analysis: Security
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: Addresses are pseudonyms, the same as long as the key is. `other` are those beyond the 100 of a day and
--   application; addresses says how many they were, added over days. An edge stands for many viewers.

WITH sums AS (
    SELECT
        address,
        MAX(edge) AS edge,
        SUM(addresses) AS addresses,
        SUM(requests) AS requests,
        SUM(deliveries) AS deliveries,
        SUM(bytes_sent) AS bytes_sent
    FROM addresses_daily
    WHERE tenant = :tenant
        AND day BETWEEN :first_day AND :last_day
        AND (:application = '*' OR application = :application)
    GROUP BY address
)

SELECT
    address,
    edge,
    -- One address on many days and for many applications is one all the same.
    CASE WHEN address = 'other' THEN addresses ELSE 1 END AS addresses,
    requests,
    deliveries,
    bytes_sent,
    requests * 1e0 / NULLIF(SUM(requests) OVER (), 0) AS requests_share
FROM sums
ORDER BY requests DESC, address
LIMIT :limit
