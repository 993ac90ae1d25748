-- How far log and application agree, in shares and in a sentence. What is in one of them alone and has no explanation
-- is held against the tolerance.
WITH sides AS (
    SELECT tenant, day, application, outcome, reason, requests, events, log_bytes, app_bytes FROM reconciliation_daily
    UNION ALL
    SELECT tenant, day, '*' AS application, outcome, reason, requests, events, log_bytes, app_bytes
    FROM reconciliation_daily
),

tolerance AS (
    SELECT 5 AS percent
),

sums AS (
    SELECT
        tenant,
        day,
        application,
        SUM(requests) AS log_requests,
        SUM(CASE WHEN outcome = 'matched' THEN requests ELSE 0 END) AS matched_requests,
        SUM(CASE WHEN outcome = 'log_only' THEN requests ELSE 0 END) AS log_only_requests,
        SUM(CASE WHEN outcome = 'log_only' AND reason IN ('unknown_key', 'other_client') THEN requests ELSE 0 END)
            AS unexplained_requests,
        SUM(events) AS app_events,
        SUM(CASE WHEN outcome = 'matched' THEN events ELSE 0 END) AS matched_events,
        SUM(CASE WHEN outcome = 'app_only' THEN events ELSE 0 END) AS app_only_events,
        SUM(CASE WHEN outcome = 'app_only' AND reason = 'no_delivery' THEN events ELSE 0 END) AS undelivered_events,
        SUM(CASE WHEN outcome = 'app_only' AND reason = 'unknown_file' THEN events ELSE 0 END) AS unknown_file_events,
        SUM(log_bytes) AS log_bytes,
        SUM(app_bytes) AS app_bytes
    FROM sides
    GROUP BY tenant, day, application
),

judged AS (
    SELECT
        sums.*,
        COALESCE(finality.is_final, 0) AS is_final,
        COALESCE(finality.is_suspect, 0) AS is_suspect,
        finality.complete_through_at,
        CASE WHEN audience.is_behind_cdn THEN 1 ELSE 0 END AS has_cdn,
        -- What a CDN answers from its cache never reaches the storage, so behind one a missing delivery is no surprise.
        unexplained_requests + unknown_file_events
        + CASE WHEN audience.is_behind_cdn THEN 0 ELSE undelivered_events END AS unexplained,
        log_requests + app_only_events AS seen
    FROM sums
    LEFT JOIN day_finality AS finality ON finality.tenant = sums.tenant AND finality.day = sums.day
    LEFT JOIN audience_trailing AS audience
        ON audience.tenant = sums.tenant
        AND audience.day = sums.day
        AND audience.application = sums.application
        AND audience.window_days = 1
),

worded AS (
    SELECT
        judged.*,
        CASE
            WHEN is_final = 0 THEN NULL
            WHEN unexplained * 100 <= seen * tolerance.percent THEN 1
            ELSE 0
        END AS is_reconciled,
        CASE
            WHEN undelivered_events = 0 THEN ''
            WHEN is_final = 0 THEN ' {undelivered} events have no delivery: CDN hit or not yet delivered.'
            WHEN has_cdn = 1 THEN ' {undelivered} events have no delivery: most likely CDN hits.'
            ELSE ' {undelivered} events have no delivery: CDN or browser cache, or log objects are missing.'
        END AS of_events,
        CASE
            WHEN is_final = 0 THEN ' The day is open: its logs are not complete yet.'
            WHEN unexplained * 100 <= seen * tolerance.percent
                THEN ' They agree: {unexplained} requests and events are unexplained, {tolerance} % or less.'
            ELSE ' They do not agree: {unexplained} requests and events are unexplained, more than {tolerance} %.'
        END AS verdict,
        tolerance.percent AS tolerance_percent
    FROM judged
    CROSS JOIN tolerance
)

SELECT
    tenant,
    day,
    application,
    log_requests,
    matched_requests,
    log_only_requests,
    app_events,
    matched_events,
    app_only_events,
    undelivered_events,
    log_bytes,
    app_bytes,
    matched_requests * 1e0 / NULLIF(log_requests, 0) AS matched_share,
    log_only_requests * 1e0 / NULLIF(log_requests, 0) AS log_only_share,
    app_only_events * 1e0 / NULLIF(app_events, 0) AS app_only_share,
    unexplained * 1e0 / NULLIF(seen, 0) AS unexplained_share,
    is_reconciled,
    -- The engines join text each in its own way, but replace it alike. CHAR(20) pads on none of them here.
    REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
        '{matched} of {requests} requests belong to {told} of {events} events of the application.{of_events}{verdict}',
        '{of_events}', of_events),
        '{verdict}', verdict),
        '{matched}', CAST(matched_requests AS CHAR(20))),
        '{requests}', CAST(log_requests AS CHAR(20))),
        '{told}', CAST(matched_events AS CHAR(20))),
        '{events}', CAST(app_events AS CHAR(20))),
        '{undelivered}', CAST(undelivered_events AS CHAR(20))),
        '{unexplained}', CAST(unexplained AS CHAR(20))),
        '{tolerance}', CAST(tolerance_percent AS CHAR(20))) AS sentence,
    is_final,
    is_suspect,
    complete_through_at
FROM worded
