-- question: Which errors does the application tell of?
-- asked in: Director's Palette: Error Events
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From event files: the tables do not tell. Stack traces do not come in.

SELECT
    day,
    application,
    severity,
    error_type,
    SUM(errors) AS errors
FROM app_errors_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY day, application, severity, error_type
ORDER BY day DESC, errors DESC, application, severity, error_type
