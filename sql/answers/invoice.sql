-- question: Does the measured cost agree with the provider's invoice?
-- asked in: From OVH Logs: Cost tracking (direct correlation to billing); Benefits: Accurate billing
-- parameters: first_day, last_day (every month that one of these days is in), tenant
-- note: One row an invoice: of one source, month and currency. The traffic's cost at the price cards is held against the
--   whole amount, which also pays for storage, requests and taxes: difference = invoice - cost is what traffic does not
--   explain. NULL cost: no price card of that currency was valid. Bytes without a card are in no row. `is_complete`:
--   every day of the month is final in this source's logs; before that the measured part still grows.

WITH measured AS (
    SELECT
        invoices.tenant,
        invoices.source,
        invoices.month_first_day,
        invoices.currency,
        SUM(cost.bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(cost.cost_micros) = COUNT(*) THEN SUM(cost.cost_micros) END AS cost_micros
    FROM invoices
    -- The id of a price begins with the source that it is for.
    INNER JOIN bandwidth_cost_daily AS cost
        ON cost.tenant = invoices.tenant
        AND cost.currency = invoices.currency
        AND cost.day BETWEEN invoices.month_first_day AND invoices.month_last_day
        AND SUBSTR(cost.price_id, 1, LENGTH(invoices.source)) = invoices.source
        AND SUBSTR(cost.price_id, LENGTH(invoices.source) + 1, 1) = '/'
    GROUP BY invoices.tenant, invoices.source, invoices.month_first_day, invoices.currency
),

final_days AS (
    SELECT
        invoices.tenant,
        invoices.source,
        invoices.month_first_day,
        invoices.currency,
        COUNT(*) AS days
    FROM invoices
    INNER JOIN days
        ON days.tenant = invoices.tenant
        AND days.source = invoices.source
        AND days.day BETWEEN invoices.month_first_day AND invoices.month_last_day
    WHERE days.state <> 'open'
    GROUP BY invoices.tenant, invoices.source, invoices.month_first_day, invoices.currency
),

compared AS (
    SELECT
        invoices.month_first_day,
        invoices.source,
        invoices.currency,
        invoices.amount_micros,
        invoices.bytes_sent AS invoiced_bytes,
        invoices.citation,
        measured.bytes_sent,
        measured.cost_micros,
        CASE WHEN final_days.days = invoices.days_in_month THEN 1 ELSE 0 END AS is_complete,
        -- Halves that make the whole percents below round, in integers, which all engines divide alike.
        200 * measured.cost_micros + invoices.amount_micros AS cost_halves,
        2 * NULLIF(invoices.amount_micros, 0) AS amount_halves,
        200 * measured.bytes_sent + invoices.bytes_sent AS bytes_halves,
        2 * NULLIF(invoices.bytes_sent, 0) AS invoiced_halves
    FROM invoices
    LEFT JOIN measured
        ON measured.tenant = invoices.tenant
        AND measured.source = invoices.source
        AND measured.month_first_day = invoices.month_first_day
        AND measured.currency = invoices.currency
    LEFT JOIN final_days
        ON final_days.tenant = invoices.tenant
        AND final_days.source = invoices.source
        AND final_days.month_first_day = invoices.month_first_day
        AND final_days.currency = invoices.currency
    WHERE invoices.tenant = :tenant AND invoices.month_first_day <= :last_day AND invoices.month_last_day >= :first_day
),

worded AS (
    SELECT
        compared.*,
        CASE
            WHEN cost_micros IS NULL THEN 'No traffic with a price in this currency was measured.'
            WHEN amount_micros = 0 THEN 'Nothing was billed.'
            WHEN cost_micros > amount_micros
                THEN 'The measured traffic costs {cost} % of the invoice: more than was billed.'
            ELSE 'The measured traffic explains {cost} % of the invoice; the rest is storage, requests and other items.'
        END AS of_cost,
        CASE
            WHEN bytes_sent IS NULL OR invoiced_halves IS NULL THEN ''
            ELSE ' Of the bytes that it names {bytes} % were measured.'
        END AS of_bytes,
        CASE is_complete WHEN 1 THEN '' ELSE ' Not every day of the month is final.' END AS of_days
    FROM compared
)

SELECT
    month_first_day,
    source,
    currency,
    bytes_sent,
    cost_micros * 0.000001 AS cost,
    invoiced_bytes,
    amount_micros * 0.000001 AS invoice,
    (amount_micros - cost_micros) * 0.000001 AS invoice_difference,
    (amount_micros - cost_micros) * 1e0 / NULLIF(amount_micros, 0) AS invoice_difference_share,
    is_complete,
    REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
        '{of_cost}{of_bytes}{of_days}',
        '{of_cost}', of_cost),
        '{of_bytes}', of_bytes),
        '{of_days}', of_days),
        '{cost}', COALESCE(CAST(CAST(
            (cost_halves - cost_halves % amount_halves) / amount_halves AS DECIMAL(30, 0)) AS CHAR(30)), '')),
        '{bytes}', COALESCE(CAST(CAST(
            (bytes_halves - bytes_halves % invoiced_halves) / invoiced_halves AS DECIMAL(30, 0)) AS CHAR(30)), ''))
        AS sentence,
    citation
FROM worded
ORDER BY month_first_day DESC, source, worded.currency
