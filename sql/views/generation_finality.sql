-- Whether a day's generations are final: each generating source by itself.
SELECT
    tenant,
    day,
    source,
    CASE WHEN state = 'open' THEN 0 ELSE 1 END AS is_final,
    CASE WHEN is_suspect THEN 1 ELSE 0 END AS is_suspect,
    complete_through_at
FROM days
WHERE family = 'generations'
