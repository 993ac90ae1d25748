-- question: How many users generate something, each day and over the last 7 and 30 days, and how many are new?
-- asked in: Director's Palette: Daily Active Users; User Dashboard: Daily active users, New signups
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: A new user has no generation before the window, as far as days are kept. NULL if the source has no generation
--   before the window, since all users would be new. One row for each system (source); never add rows, since a user may
--   be in several. Sign-ups are in `sign_ins`.

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
