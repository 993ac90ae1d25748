-- question: Why do log and application disagree?
-- asked in: Troubleshooting: Analytics mismatch
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: log_only: failed; no_delivery (not a GET of an object); sidecar; unknown_key (no media file); bot; not_modified;
--   edge (beside an event of the file); range (goes on with a delivery that is explained); elsewhere (another site's
--   page asked for it); other_client. app_only: no_fetch (needs no delivery); unknown_file; deleted_file; own_cache,
--   edge_cache (fetched shortly before); no_delivery. The first that applies; what nobody can explain is unknown_key,
--   other_client, unknown_file, no_delivery.

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
