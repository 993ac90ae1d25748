-- One row a day and application: how much was asked for and sent, what it cost, how much of it failed, how fast it was.
WITH asked AS (
    SELECT tenant, day, application, SUM(requests) AS requests, SUM(deliveries) AS deliveries, SUM(bytes_sent) AS bytes_sent
    FROM traffic_daily
    GROUP BY tenant, day, application
),

failed AS (
    SELECT tenant, day, application, SUM(requests) AS requests, SUM(errors) AS errors, SUM(server_errors) AS server_errors
    FROM endpoints_daily
    GROUP BY tenant, day, application
),

-- A cost in two currencies, or of bytes some of which have no price, is none.
paid AS (
    SELECT
        tenant,
        day,
        application,
        CASE WHEN COUNT(cost_micros) = COUNT(*) AND MIN(currency) = MAX(currency) THEN MIN(currency) END AS currency,
        CASE
            WHEN COUNT(cost_micros) = COUNT(*) AND MIN(currency) = MAX(currency) THEN SUM(cost_micros)
        END AS cost_micros,
        SUM(CASE WHEN cost_micros IS NULL THEN bytes_sent ELSE 0 END) AS unpriced_bytes
    FROM bandwidth_cost_daily
    GROUP BY tenant, day, application
)

SELECT
    asked.tenant,
    asked.day,
    asked.application,
    COALESCE(paid.currency, '') AS currency,
    asked.requests,
    asked.deliveries,
    asked.bytes_sent,
    paid.cost_micros,
    CAST(paid.cost_micros * 0.000001 AS DECIMAL(38, 6)) AS cost,
    COALESCE(paid.unpriced_bytes, 0) AS unpriced_bytes,
    COALESCE(failed.errors, 0) AS errors,
    COALESCE(failed.server_errors, 0) AS server_errors,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    failed.errors * 1e0 / NULLIF(failed.requests, 0) AS error_rate,
    times.p50_ms,
    times.p95_ms,
    times.p99_ms,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM asked
LEFT JOIN failed
    ON failed.tenant = asked.tenant AND failed.day = asked.day AND failed.application = asked.application
LEFT JOIN paid ON paid.tenant = asked.tenant AND paid.day = asked.day AND paid.application = asked.application
LEFT JOIN response_time_daily AS times
    ON times.tenant = asked.tenant
        AND times.day = asked.day
        AND times.application = asked.application
        AND times.operation_class = '*'
        AND times.measure = 'total'
LEFT JOIN day_finality AS finality ON finality.tenant = asked.tenant AND finality.day = asked.day
