-- question: Which errors did the application report?
-- asked in: Director's Palette: Error Events
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From event files only; the tables do not have them. Stack traces are not read.

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
