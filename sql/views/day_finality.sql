-- Whether a day's figures are final: with several sources, the one that lags decides.
SELECT
    tenant,
    day,
    MIN(CASE WHEN state = 'open' THEN 0 ELSE 1 END) AS is_final,
    MAX(CASE WHEN is_suspect THEN 1 ELSE 0 END) AS is_suspect,
    CASE WHEN COUNT(complete_through_at) = COUNT(*) THEN MIN(complete_through_at) END AS complete_through_at
FROM days
WHERE family = 'traffic'
GROUP BY tenant, day
