-- Every day from the first to the last that the warehouse knows: a spine without gaps.
WITH RECURSIVE hundred AS (
    SELECT 0 AS n
    UNION ALL
    SELECT n + 1 FROM hundred WHERE n < 99
),

span AS (
    SELECT tenant, MIN(day) AS first_day, MAX(day) AS last_day FROM days GROUP BY tenant
),

-- A hundred times a hundred days, since MySQL and MariaDB end a recursion after its thousandth row.
numbered AS (
    SELECT
        span.tenant,
        span.last_day,
/* sqlite     */ DATE(span.first_day, '+' || (100 * hundreds.n + ones.n) || ' days') AS day
/* postgresql */ span.first_day + (100 * hundreds.n + ones.n) AS day
/* mysql      */ span.first_day + INTERVAL (100 * hundreds.n + ones.n) DAY AS day
    FROM span
    CROSS JOIN hundred AS hundreds
    CROSS JOIN hundred AS ones
),

-- DISTINCT changes no row: it has SQLite make the spine once, not once for each row that a query joins to it.
spine AS (
    SELECT DISTINCT tenant, day FROM numbered WHERE day <= last_day
)

SELECT
    spine.tenant,
    spine.day,
/* sqlite     */ DATE(spine.day, 'start of month') AS month_first_day,
/* postgresql */ CAST(DATE_TRUNC('month', spine.day) AS DATE) AS month_first_day,
/* mysql      */ spine.day - INTERVAL (EXTRACT(DAY FROM spine.day) - 1) DAY AS month_first_day,
/* sqlite     */ DATE(spine.day, 'weekday 0', '-6 days') AS week_first_day,
/* postgresql */ CAST(DATE_TRUNC('week', spine.day) AS DATE) AS week_first_day,
/* mysql      */ spine.day - INTERVAL WEEKDAY(spine.day) DAY AS week_first_day,
/* sqlite     */ CAST(STRFTIME('%d', spine.day) AS INTEGER) AS day_of_month,
/* postgresql */ CAST(EXTRACT(DAY FROM spine.day) AS INTEGER) AS day_of_month,
/* mysql      */ EXTRACT(DAY FROM spine.day) AS day_of_month,
/* sqlite     */ CAST(STRFTIME('%d', spine.day, 'start of month', '+1 month', '-1 day') AS INTEGER) AS days_in_month,
/* postgresql */ CAST(EXTRACT(DAY FROM DATE_TRUNC('month', spine.day) + INTERVAL '1 month - 1 day') AS INTEGER) AS days_in_month,
/* mysql      */ EXTRACT(DAY FROM LAST_DAY(spine.day)) AS days_in_month,
    CASE WHEN finality.day IS NULL THEN 0 ELSE 1 END AS is_known,
    COALESCE(finality.is_final, 0) AS is_final,
    COALESCE(finality.is_suspect, 0) AS is_suspect,
    finality.complete_through_at
FROM spine
LEFT JOIN day_finality AS finality ON finality.tenant = spine.tenant AND finality.day = spine.day
