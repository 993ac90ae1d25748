-- question: What share of the requests failed each day?
-- asked in: Key Metrics to Monitor: Error Rate; Setting Up Alerts: error rate
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: error_rate is the document's: a status of 400 or more, the client's own aborts (499) among them; the other
--   two are its parts. The rule error_rate judges errors_without_crawlers / requests. A share of no requests is NULL.

SELECT
    endpoints.day,
    SUM(endpoints.requests) AS requests,
    SUM(endpoints.errors) AS errors,
    SUM(endpoints.errors_without_crawlers) AS errors_without_crawlers,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    SUM(endpoints.errors) * 1e0 / NULLIF(SUM(endpoints.requests), 0) AS error_rate,
    SUM(endpoints.server_errors) * 1e0 / NULLIF(SUM(endpoints.requests), 0) AS server_error_rate,
    SUM(endpoints.client_aborts) * 1e0 / NULLIF(SUM(endpoints.requests), 0) AS client_abort_rate,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM endpoints_daily AS endpoints
LEFT JOIN day_finality AS finality ON finality.tenant = endpoints.tenant AND finality.day = endpoints.day
WHERE endpoints.tenant = :tenant
    AND endpoints.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR endpoints.application = :application)
GROUP BY endpoints.day, finality.is_final, finality.complete_through_at
ORDER BY endpoints.day DESC
