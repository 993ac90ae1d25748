-- question: How many credits do people have left?
-- asked in: Director's Palette: User Dashboard: Credit balance distribution
-- parameters: tenant
-- note: Users by band of their balance, as the newest export read it, whatever the window. Past balances cannot be read
--   later. Bands are sorted by their numbers.

SELECT
    gauges.source,
    gauges.hour_at,
    gauges.label,
    gauges.value AS user_count
FROM gauges_hourly AS gauges
INNER JOIN (
    SELECT source, MAX(hour_at) AS hour_at
    FROM gauges_hourly
    WHERE tenant = :tenant AND gauge = 'credit_balance'
    GROUP BY source
) AS newest ON newest.source = gauges.source AND newest.hour_at = gauges.hour_at
WHERE gauges.tenant = :tenant AND gauges.gauge = 'credit_balance'
ORDER BY
    gauges.source,
    CASE gauges.label
        WHEN 'below 0' THEN 0
        WHEN '0' THEN 1
        WHEN '1-10' THEN 2
        WHEN '11-100' THEN 3
        WHEN '101-1000' THEN 4
        WHEN '1001-10000' THEN 5
        ELSE 6
    END
