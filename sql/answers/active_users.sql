-- question: How many users generate something, each day and over the last 7 and 30, and how many of them are new?
-- asked in: Director's Palette: Daily Active Users; User Dashboard: Daily active users, New signups
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: New is who has no generation before the window, as far as days are kept; NULL where the source has none before
--   the window, so that all would be new. A row a system (source). Never summed: a user is one in each row. Sign-ups as
--   such stand in `sign_ins`.

SELECT
    active.day,
    active.application,
    active.source,
    active.window_days,
    active.active_users,
    active.new_users,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM active_users_trailing AS active
LEFT JOIN generation_finality AS finality
    ON finality.tenant = active.tenant AND finality.day = active.day AND finality.source = active.source
WHERE active.tenant = :tenant
    AND active.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR active.application = :application)
ORDER BY active.day DESC, active.application, active.source, active.window_days
