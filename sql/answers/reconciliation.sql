-- question: How do the application's events and the storage's log agree?
-- asked in: Overview: combining application-level tracking with access logs; Troubleshooting: Analytics mismatch
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From the view `reconciliation_summary`, which says what counts as unexplained. is_reconciled is NULL while the
--   day is open. No rows while no application is connected.

SELECT
    day,
    log_requests,
    matched_share,
    log_only_share,
    app_events,
    app_only_share,
    unexplained_share,
    is_reconciled,
    sentence,
    is_final,
    complete_through_at
FROM reconciliation_summary
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND application = :application
ORDER BY day DESC
