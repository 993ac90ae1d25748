-- question: Of the users who started in a week, how many came back in the weeks after?
-- asked in: Director's Palette: User Dashboard: Daily active users (retention)
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: cohort_first_day: Monday of the week of a user's first generation, as far as days are kept; week_first_day: Monday
--   of a week in which the user generated something.

WITH first_weeks AS (
    SELECT application, user_id, MIN(week_first_day) AS cohort_first_day
    FROM generation_users_daily
    WHERE tenant = :tenant AND generations > 0
    GROUP BY application, user_id
),

weeks AS (
    SELECT DISTINCT application, user_id, week_first_day
    FROM generation_users_daily
    WHERE tenant = :tenant AND generations > 0 AND day BETWEEN :first_day AND :last_day
)

SELECT
    weeks.application,
    first_weeks.cohort_first_day,
    weeks.week_first_day,
    COUNT(*) AS active_users
FROM weeks
INNER JOIN first_weeks ON first_weeks.application = weeks.application AND first_weeks.user_id = weeks.user_id
WHERE (:application = '*' OR weeks.application = :application)
GROUP BY weeks.application, first_weeks.cohort_first_day, weeks.week_first_day
ORDER BY weeks.application, first_weeks.cohort_first_day, weeks.week_first_day
