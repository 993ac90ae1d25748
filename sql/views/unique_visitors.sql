-- Distinct visitors over the window that ends with each day; behind a CDN addresses are edges, and no visitors.
SELECT
    audience.tenant,
    audience.day,
    audience.application,
    audience.window_days,
    audience.unique_addresses,
    audience.unique_users,
    CASE WHEN audience.is_behind_cdn THEN NULL ELSE audience.unique_addresses END AS visitors,
    CASE
        WHEN audience.is_behind_cdn IS NULL THEN 'addresses; whether a CDN stands before them is not known'
        WHEN audience.is_behind_cdn THEN 'not available: the addresses are those of a CDN'
        ELSE 'addresses'
    END AS basis,
    CASE WHEN audience.is_behind_cdn IS NULL THEN NULL WHEN audience.is_behind_cdn THEN 1 ELSE 0 END AS is_behind_cdn,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM audience_trailing AS audience
LEFT JOIN day_finality AS finality ON finality.tenant = audience.tenant AND finality.day = audience.day
