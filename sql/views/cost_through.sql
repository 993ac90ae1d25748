-- What each month has cost through each of its days, and what it comes to at the pace of the hours that are known.
WITH known AS (
    SELECT tenant, day, month_first_day, hours FROM known_hours_daily WHERE family = 'traffic'
),

through AS (
    SELECT
        calendar.tenant,
        calendar.day,
        calendar.month_first_day,
        calendar.days_in_month * 24 AS hours_in_month,
        SUM(known.hours) AS known_hours
    FROM calendar
    INNER JOIN known
        ON known.tenant = calendar.tenant
        AND known.month_first_day = calendar.month_first_day
        AND known.day <= calendar.day
    GROUP BY calendar.tenant, calendar.day, calendar.month_first_day, calendar.days_in_month
),

cost AS (
    SELECT tenant, application, day, currency, bytes_sent, cost_micros FROM bandwidth_cost_daily
    UNION ALL
    SELECT tenant, '*' AS application, day, currency, bytes_sent, cost_micros FROM bandwidth_cost_daily
),

spent AS (
    SELECT
        through.tenant,
        through.day,
        through.month_first_day,
        cost.application,
        cost.currency,
        through.known_hours,
        through.hours_in_month,
        SUM(cost.bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN SUM(cost.cost_micros) END AS cost_micros,
        CASE
            WHEN COUNT(cost.cost_micros) = COUNT(*)
                THEN SUM(CASE WHEN known.hours > 0 THEN cost.cost_micros ELSE 0 END)
        END AS known_cost_micros
    FROM through
    INNER JOIN known
        ON known.tenant = through.tenant
        AND known.month_first_day = through.month_first_day
        AND known.day <= through.day
    INNER JOIN cost ON cost.tenant = known.tenant AND cost.day = known.day
    GROUP BY
        through.tenant,
        through.day,
        through.month_first_day,
        cost.application,
        cost.currency,
        through.known_hours,
        through.hours_in_month
)

SELECT
    tenant,
    day,
    month_first_day,
    application,
    currency,
    known_hours,
    hours_in_month,
    bytes_sent,
    cost_micros,
    known_cost_micros,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    -- No month costs less than it has: of an open day, that is known already.
    CASE
        WHEN known_hours >= 24 AND known_cost_micros * hours_in_month < cost_micros * known_hours
            THEN CAST(ROUND(cost_micros * 1e0 * 0.000001, 6) AS DECIMAL(38, 6))
        WHEN known_hours >= 24
            THEN CAST(ROUND(known_cost_micros * 1e0 * hours_in_month / known_hours * 0.000001, 6) AS DECIMAL(38, 6))
    END AS projected_cost
FROM spent
