-- What has been spent of each budget through each day of its period, and what it comes to at the pace of the known hours.
WITH known AS (
    SELECT tenant, family, day, month_first_day, week_first_day, days_in_month, hours FROM known_hours_daily
),

through AS (
    SELECT
        tenant,
        family,
        day,
        'month' AS period,
        month_first_day AS period_first_day,
        days_in_month * 24 AS hours_in_period,
        SUM(hours) OVER (PARTITION BY tenant, family, month_first_day ORDER BY day) AS known_hours
    FROM known
    UNION ALL
    SELECT
        tenant,
        family,
        day,
        'week' AS period,
        week_first_day AS period_first_day,
        168 AS hours_in_period,
        SUM(hours) OVER (PARTITION BY tenant, family, week_first_day ORDER BY day) AS known_hours
    FROM known
),

-- Few: costs of all other days are those of known hours.
open_days AS (
    SELECT DISTINCT tenant, family, day FROM days WHERE state = 'open'
),

-- Costs of models and of users are the same money, told apart in two ways.
cost AS (
    SELECT
        tenant,
        day,
        'traffic' AS family,
        'bandwidth' AS basis,
        application,
        '' AS source,
        '' AS model,
        '' AS user_id,
        currency,
        COALESCE(cost_micros, 0) AS cost_micros,
        0 AS uncosted,
        CASE WHEN cost_micros IS NULL THEN bytes_sent ELSE 0 END AS unpriced_bytes
    FROM bandwidth_cost_daily
    UNION ALL
    SELECT
        tenant,
        day,
        'generations' AS family,
        'models' AS basis,
        application,
        source,
        model,
        '' AS user_id,
        currency,
        cost_micros,
        uncosted,
        0 AS unpriced_bytes
    FROM generations_daily
    UNION ALL
    SELECT
        tenant,
        day,
        'generations' AS family,
        'users' AS basis,
        application,
        source,
        '' AS model,
        user_id,
        currency,
        cost_micros,
        uncosted,
        0 AS unpriced_bytes
    FROM generation_users_daily
),

-- The period of a cost is worked out here, not looked up: a join by it finds the few rows of a day's period at once.
paid AS (
    SELECT
        budgets.tenant,
        budgets.budget_name,
        budgets.period,
        budgets.currency AS budget_currency,
        budgets.amount_micros AS budget_micros,
        CASE budgets.subject_of
            WHEN 'application' THEN cost.application
            WHEN 'model' THEN cost.model
            WHEN 'user' THEN cost.user_id
            ELSE '*'
        END AS subject,
        cost.family,
        cost.day,
/* sqlite     */ CASE budgets.period WHEN 'week' THEN DATE(cost.day, 'weekday 0', '-6 days') ELSE DATE(cost.day, 'start of month') END AS period_first_day,
/* postgresql */ CAST(DATE_TRUNC(budgets.period, cost.day) AS DATE) AS period_first_day,
/* mysql      */ cost.day - INTERVAL (CASE budgets.period WHEN 'week' THEN WEEKDAY(cost.day) ELSE DAY(cost.day) - 1 END) DAY AS period_first_day,
        cost.currency,
        cost.cost_micros,
        cost.uncosted,
        cost.unpriced_bytes
    FROM budgets
    INNER JOIN cost
        ON cost.tenant = budgets.tenant
            AND cost.basis = budgets.basis
            AND (budgets.application = '*' OR cost.application = budgets.application)
            AND (budgets.source = '*' OR cost.source = budgets.source)
            AND (budgets.model = '*' OR cost.model = budgets.model)
            AND (budgets.user_id = '*' OR cost.user_id = budgets.user_id)
),

-- The few rows of a day go first, and are joined to costs: an inner join would leave the order to engines that guess it
-- the other way round, and then work out the known hours once for each cost.
spent AS (
    SELECT
        through.tenant,
        through.day,
        paid.budget_name,
        paid.subject,
        paid.currency,
        paid.budget_currency,
        paid.budget_micros,
        through.period,
        through.period_first_day,
        through.known_hours,
        through.hours_in_period,
        SUM(paid.cost_micros) AS cost_micros,
        SUM(CASE WHEN open_days.day IS NULL THEN paid.cost_micros ELSE 0 END) AS known_cost_micros,
        SUM(paid.uncosted) AS uncosted,
        SUM(paid.unpriced_bytes) AS unpriced_bytes
    FROM through
    LEFT JOIN paid
        ON paid.tenant = through.tenant
            AND paid.family = through.family
            AND paid.period = through.period
            AND paid.period_first_day = through.period_first_day
            AND paid.day <= through.day
    LEFT JOIN open_days
        ON open_days.tenant = paid.tenant AND open_days.family = paid.family AND open_days.day = paid.day
    GROUP BY
        through.tenant,
        through.day,
        paid.budget_name,
        paid.subject,
        paid.currency,
        paid.budget_currency,
        paid.budget_micros,
        through.period,
        through.period_first_day,
        through.known_hours,
        through.hours_in_period
    HAVING COUNT(paid.day) > 0
),

held AS (
    SELECT
        tenant,
        day,
        budget_name,
        subject,
        currency,
        budget_currency,
        budget_micros,
        period,
        period_first_day,
        known_hours,
        hours_in_period,
        cost_micros,
        known_cost_micros,
        uncosted,
        unpriced_bytes,
        SUM(CASE WHEN currency <> budget_currency OR uncosted > 0 OR unpriced_bytes > 0 THEN 1 ELSE 0 END)
            OVER (PARTITION BY tenant, day, budget_name, subject) AS not_counted
    FROM spent
    WHERE currency = budget_currency OR cost_micros <> 0 OR uncosted > 0 OR unpriced_bytes > 0
)

SELECT
    tenant,
    day,
    budget_name,
    subject,
    currency,
    CASE WHEN currency = budget_currency THEN 1 ELSE 0 END AS is_counted,
    period,
    period_first_day,
    known_hours,
    hours_in_period,
    cost_micros,
    known_cost_micros,
    uncosted,
    unpriced_bytes,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    -- No period costs less than it has: of an open day, that is known already.
    CASE
        WHEN known_hours >= 24 AND known_cost_micros * hours_in_period < cost_micros * known_hours
            THEN CAST(ROUND(cost_micros * 1e0 * 0.000001, 6) AS DECIMAL(38, 6))
        WHEN known_hours >= 24
            THEN CAST(ROUND(known_cost_micros * 1e0 * hours_in_period / known_hours * 0.000001, 6) AS DECIMAL(38, 6))
    END AS projected_cost,
    CASE
        WHEN currency = budget_currency THEN CAST(budget_micros * 0.000001 AS DECIMAL(38, 6))
    END AS budget,
    -- Judged in whole numbers: what meets the budget exactly is not over it. What is not counted may be much: where there
    -- is any, nobody can say that the budget holds.
    CASE
        WHEN currency <> budget_currency THEN NULL
        WHEN cost_micros > budget_micros THEN 1
        WHEN known_hours < 24 THEN NULL
        WHEN known_cost_micros * hours_in_period > budget_micros * known_hours THEN 1
        WHEN not_counted = 0 THEN 0
    END AS is_over_budget
FROM held
