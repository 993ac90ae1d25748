-- How far log and application agree, in shares and in a sentence. What is in one of them alone and has no explanation
-- is held against the tolerance, as a share of what could have met; what says nothing of that is left out.
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
        + SUM(CASE WHEN outcome = 'app_only' AND reason IN ('unknown_file', 'no_delivery') THEN events ELSE 0 END)
            AS unexplained,
        SUM(CASE WHEN outcome = 'matched' OR reason IN ('edge', 'unknown_key', 'other_client') THEN requests ELSE 0 END)
        + SUM(CASE WHEN outcome = 'app_only' AND reason IN ('unknown_file', 'no_delivery') THEN events ELSE 0 END)
            AS compared,
        SUM(events) AS app_events,
        SUM(CASE WHEN outcome = 'matched' THEN events ELSE 0 END) AS matched_events,
        SUM(CASE WHEN outcome = 'app_only' THEN events ELSE 0 END) AS app_only_events,
        SUM(CASE WHEN outcome = 'app_only' AND reason = 'no_delivery' THEN events ELSE 0 END) AS undelivered_events,
        SUM(CASE WHEN outcome = 'app_only' AND reason IN ('own_cache', 'edge_cache') THEN events ELSE 0 END)
            AS cached_events,
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
        -- Beyond the tolerance for certain: the lower bound of the 95 % Wilson interval, without a square root.
        CASE
            WHEN unexplained * 100 <= compared * tolerance.percent THEN 0
            WHEN (unexplained * 100 - compared * tolerance.percent) * 1e0
                * (unexplained * 100 - compared * tolerance.percent)
                > 38416e-4 * tolerance.percent * (100 - tolerance.percent) * compared THEN 1
            ELSE 0
        END AS is_broken,
        tolerance.percent AS tolerance_percent
    FROM sums
    CROSS JOIN tolerance
    LEFT JOIN day_finality AS finality ON finality.tenant = sums.tenant AND finality.day = sums.day
),

worded AS (
    SELECT
        judged.*,
        CASE WHEN is_final = 0 THEN NULL WHEN is_broken = 1 THEN 0 ELSE 1 END AS is_reconciled,
        CASE
            WHEN cached_events = 0 THEN ''
            ELSE ' Events that a cache answered which had fetched their file: {cached}.'
        END AS of_caches,
        CASE
            WHEN undelivered_events = 0 THEN ''
            WHEN is_final = 0 THEN ' Events without a delivery, so far: {undelivered}.'
            ELSE ' Events without a delivery: {undelivered} (its log is missing, or a cache kept the file for long).'
        END AS of_events,
        CASE
            WHEN is_final = 0 THEN ' The day is open: its logs are not complete yet.'
            WHEN compared = 0 THEN ' There is nothing to compare.'
            WHEN unexplained * 100 <= compared * tolerance_percent
                THEN ' They agree: {unexplained} of {compared} are unexplained, {tolerance} % or less.'
            WHEN is_broken = 0
                THEN ' They agree as far as so few can tell: {unexplained} of {compared} are unexplained.'
            ELSE ' They do not agree: {unexplained} of {compared} are unexplained, more than {tolerance} %.'
        END AS verdict
    FROM judged
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
    cached_events,
    compared,
    unexplained,
    log_bytes,
    app_bytes,
    matched_requests * 1e0 / NULLIF(log_requests, 0) AS matched_share,
    log_only_requests * 1e0 / NULLIF(log_requests, 0) AS log_only_share,
    app_only_events * 1e0 / NULLIF(app_events, 0) AS app_only_share,
    unexplained * 1e0 / NULLIF(compared, 0) AS unexplained_share,
    is_reconciled,
    -- The engines join text each in its own way, but replace it alike. CHAR(20) pads on none of them here.
    REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
        '{matched} of {requests} requests belong to {told} of {events} events of the application.{more}{verdict}',
        '{more}', '{caches}{alone}'),
        '{caches}', of_caches),
        '{alone}', of_events),
        '{verdict}', verdict),
        '{matched}', CAST(matched_requests AS CHAR(20))),
        '{requests}', CAST(log_requests AS CHAR(20))),
        '{told}', CAST(matched_events AS CHAR(20))),
        '{events}', CAST(app_events AS CHAR(20))),
        '{cached}', CAST(cached_events AS CHAR(20))),
        '{undelivered}', CAST(undelivered_events AS CHAR(20))),
        '{compared}', CAST(compared AS CHAR(20))),
        '{unexplained}', CAST(unexplained AS CHAR(20))),
        '{tolerance}', CAST(tolerance_percent AS CHAR(20))) AS sentence,
    is_final,
    is_suspect,
    complete_through_at
FROM worded
