-- question: Why do log and application not agree?
-- asked in: Troubleshooting: Analytics mismatch
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: log_only: failed; no_delivery (not a GET of an object); unknown_key (no media file); bot; range (a part without
--   an event); other_client. app_only: no_fetch (needs no delivery); unknown_file; deleted_file; no_delivery (CDN hit
--   or, while the day is open, not yet delivered). The first that applies.

SELECT
    outcome,
    reason,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(events) AS events,
    SUM(log_bytes) AS log_bytes,
    SUM(app_bytes) AS app_bytes
FROM reconciliation_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY outcome, reason
ORDER BY outcome, requests DESC, events DESC, reason
