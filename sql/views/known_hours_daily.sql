-- How many hours of each day are known, of logs and of generating systems: what projections rest on.
WITH logged AS (
    SELECT tenant, 'traffic' AS family, MIN(hour_at) AS first_at FROM traffic_hourly GROUP BY tenant
    UNION ALL
    SELECT tenant, 'generations' AS family, MIN(hour_at) AS first_at FROM generations_hourly GROUP BY tenant
),

-- With several sources, the one that lags decides.
finality AS (
    SELECT
        tenant,
        family,
        day,
        MIN(CASE WHEN state = 'open' THEN 0 ELSE 1 END) AS is_final,
        CASE WHEN COUNT(complete_through_at) = COUNT(*) THEN MIN(complete_through_at) END AS complete_through_at
    FROM days
    GROUP BY tenant, family, day
),

final AS (
    SELECT
        finality.tenant,
        finality.family,
        finality.day,
/* sqlite     */ CAST(ROUND((JULIANDAY(complete_through_at) - JULIANDAY(logged.first_at)) * 24) AS INTEGER) AS hours_since
/* postgresql */ CAST(EXTRACT(EPOCH FROM complete_through_at - logged.first_at) / 3600 AS INTEGER) AS hours_since
/* mysql      */ TIMESTAMPDIFF(HOUR, logged.first_at, complete_through_at) AS hours_since
    FROM finality
    INNER JOIN logged ON logged.tenant = finality.tenant AND logged.family = finality.family
    WHERE is_final = 1
),

span AS (
    SELECT tenant, family, MIN(day) AS first_day, MAX(day) AS last_day FROM final WHERE hours_since > 0 GROUP BY tenant, family
),

families AS (
    SELECT 'traffic' AS family
    UNION ALL
    SELECT 'generations' AS family
)

-- A day that is open is not known, nor one before the first log; a quiet one between final ones is.
SELECT
    calendar.tenant,
    families.family,
    calendar.day,
    calendar.month_first_day,
    calendar.week_first_day,
    calendar.days_in_month,
    CASE
        WHEN finality.is_final = 0 THEN 0
        WHEN span.first_day IS NULL OR calendar.day NOT BETWEEN span.first_day AND span.last_day THEN 0
        WHEN final.hours_since < 24 THEN final.hours_since
        ELSE 24
    END AS hours
FROM calendar
CROSS JOIN families
LEFT JOIN span ON span.tenant = calendar.tenant AND span.family = families.family
LEFT JOIN finality
    ON finality.tenant = calendar.tenant AND finality.family = families.family AND finality.day = calendar.day
LEFT JOIN final ON final.tenant = calendar.tenant AND final.family = families.family AND final.day = calendar.day
