-- question: How many credits do people have left?
-- asked in: Director's Palette: User Dashboard: Credit balance distribution
-- parameters: first_at, end_at (UTC begin of the first day and end of the last in the reporting zone), tenant
-- note: Users by band of their balance, as the last export of the window read it.

SELECT
    gauges.source,
    gauges.hour_at,
    gauges.label,
    gauges.value AS user_count
FROM gauges_hourly AS gauges
INNER JOIN (
    SELECT source, MAX(hour_at) AS hour_at
    FROM gauges_hourly
    WHERE tenant = :tenant AND gauge = 'credit_balance' AND hour_at >= :first_at AND hour_at < :end_at
    GROUP BY source
) AS newest ON newest.source = gauges.source AND newest.hour_at = gauges.hour_at
WHERE gauges.tenant = :tenant AND gauges.gauge = 'credit_balance'
ORDER BY gauges.source, gauges.label
