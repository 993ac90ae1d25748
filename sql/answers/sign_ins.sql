-- question: How many people signed up and logged in?
-- asked in: Director's Palette: Auth Events; User Dashboard: New signups
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: From event files only; the tables do not have them. Actions are named as in the system.

SELECT
    day,
    application,
    action,
    SUM(events) AS events
FROM auth_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY day, application, action
ORDER BY day DESC, application, action
