-- question: What did each model's generations bring in, cost at the provider, and cost to serve?
-- asked in: Director's Palette: Revenue Dashboard: Revenue by model, with what was served of it
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: A row for each currency that a model or its bandwidth cost something in, or in which credits have a price. margin =
--   list_price - provider_cost - bandwidth_cost over the window: what was generated in it, and what was served in it of all
--   that the model ever made; NULL where one of them is, or where something was spent in another currency, too. list_price
--   and price_basis: as in `provider_cost_by_model`. A generation names its media file, the log what was served of that
--   file; a file that several say they made is the earliest's. The rows without a source are the bandwidth that no
--   generation accounts for. bandwidth_cost: the bytes' share of what their day, application and bucket cost; NULL where
--   some of it has no price. provider_cost: NULL while the cost of some charges (uncosted) is not known. Counts and bytes
--   are the model's in all, in each row.

WITH bandwidth AS (
    SELECT
        day,
        application,
        bucket,
        currency,
        SUM(bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(cost_micros) = COUNT(*) THEN SUM(cost_micros) END AS cost_micros
    FROM bandwidth_cost_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day
    GROUP BY day, application, bucket, currency
),

buckets AS (
    SELECT
        day,
        application,
        bucket,
        SUM(bytes_sent) AS bytes_sent,
        MAX(CASE WHEN cost_micros IS NULL THEN 1 ELSE 0 END) AS is_unpriced
    FROM bandwidth
    GROUP BY day, application, bucket
),

files AS (
    SELECT day, application, bucket, media_file_id, SUM(bytes_sent) AS bytes_sent
    FROM media_file_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day AND media_file_id <> ''
    GROUP BY day, application, bucket, media_file_id
),

claims AS (
    SELECT
        made_by.application,
        made_by.source,
        made_by.model,
        made_by.media_file_id,
        files.day,
        files.application AS served_for,
        files.bucket,
        files.bytes_sent
    FROM files
    INNER JOIN generated_files_daily AS made_by
        ON made_by.tenant = :tenant
            AND made_by.media_file_id = files.media_file_id
            AND made_by.day <= :last_day
    WHERE NOT EXISTS (
        SELECT 1
        FROM generated_files_daily AS earlier
        WHERE earlier.tenant = :tenant
            AND earlier.media_file_id = made_by.media_file_id
            AND (
                earlier.day < made_by.day
                OR (earlier.day = made_by.day AND earlier.source < made_by.source)
                OR (
                    earlier.day = made_by.day
                    AND earlier.source = made_by.source
                    AND earlier.application < made_by.application
                )
            )
    )
),

served AS (
    SELECT application, source, model, day, served_for, bucket, SUM(bytes_sent) AS bytes_sent
    FROM claims
    GROUP BY application, source, model, day, served_for, bucket
),

served_models AS (
    SELECT
        served.application,
        served.source,
        served.model,
        SUM(served.bytes_sent) AS bytes_sent,
        MAX(COALESCE(buckets.is_unpriced, 1)) AS is_unpriced
    FROM served
    LEFT JOIN buckets ON buckets.day = served.day
        AND buckets.application = served.served_for
        AND buckets.bucket = served.bucket
    GROUP BY served.application, served.source, served.model
),

allocated AS (
    SELECT
        served.application,
        served.source,
        served.model,
        bandwidth.currency,
        -- As decimals: the product of two integers might not fit.
        SUM(CASE WHEN buckets.bytes_sent = 0 THEN 0 ELSE
            ROUND(1.000000000000 * bandwidth.cost_micros * served.bytes_sent / NULLIF(buckets.bytes_sent, 0))
        END) AS cost_micros
    FROM served
    INNER JOIN buckets ON buckets.day = served.day
        AND buckets.application = served.served_for
        AND buckets.bucket = served.bucket
    INNER JOIN bandwidth ON bandwidth.day = served.day
        AND bandwidth.application = served.served_for
        AND bandwidth.bucket = served.bucket
    WHERE bandwidth.cost_micros IS NOT NULL
    GROUP BY served.application, served.source, served.model, bandwidth.currency
),

files_served AS (
    SELECT application, source, model, COUNT(DISTINCT media_file_id) AS files_served
    FROM claims
    GROUP BY application, source, model
),

made AS (
    SELECT
        application,
        source,
        model,
        SUM(generations) AS generations,
        SUM(CASE WHEN status = 'completed' THEN credits_charged ELSE 0 END) AS completed_credits,
        SUM(uncosted) AS uncosted
    FROM generations_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day
    GROUP BY application, source, model
),

costs AS (
    SELECT application, source, model, currency, SUM(cost_micros) AS cost_micros
    FROM generations_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day AND currency <> ''
    GROUP BY application, source, model, currency
),

listed AS (
    SELECT
        application,
        source,
        model,
        currency,
        SUM(completed_credits) AS completed_credits,
        SUM(list_price_micros) AS list_price_micros,
        MIN(price_basis) AS price_basis
    FROM list_price_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day
    GROUP BY application, source, model, currency
),

spent AS (
    SELECT application, source, model, currency, cost_micros FROM costs
    UNION ALL
    SELECT application, source, model, currency, cost_micros FROM allocated
),

models AS (
    SELECT application, source, model FROM made
    UNION
    SELECT application, source, model FROM served_models
),

currencies AS (
    SELECT application, source, model, currency FROM spent
    UNION
    SELECT application, source, model, currency FROM listed
),

every_model AS (
    SELECT
        models.application,
        models.source,
        models.model,
        currencies.currency,
        COALESCE(made.generations, 0) AS generations,
        COALESCE(files_served.files_served, 0) AS files_served,
        COALESCE(served_models.bytes_sent, 0) AS bytes_sent,
        CASE
            WHEN made.model IS NULL THEN 0
            WHEN listed.completed_credits = made.completed_credits THEN listed.list_price_micros
        END AS price_micros,
        CASE WHEN listed.completed_credits = made.completed_credits THEN listed.price_basis END AS price_basis,
        CASE WHEN COALESCE(made.uncosted, 0) = 0 THEN COALESCE(costs.cost_micros, 0) END AS provider_micros,
        COALESCE(made.uncosted, 0) AS uncosted,
        CASE WHEN COALESCE(served_models.is_unpriced, 0) = 0 THEN COALESCE(allocated.cost_micros, 0) END
            AS bandwidth_micros,
        COALESCE((
            SELECT MAX(CASE WHEN spent.currency <> currencies.currency AND spent.cost_micros > 0 THEN 1 ELSE 0 END)
            FROM spent
            WHERE spent.application = models.application AND spent.source = models.source AND spent.model = models.model
        ), 0) AS spent_elsewhere
    FROM models
    LEFT JOIN currencies
        ON currencies.application = models.application
            AND currencies.source = models.source
            AND currencies.model = models.model
    LEFT JOIN made
        ON made.application = models.application AND made.source = models.source AND made.model = models.model
    LEFT JOIN costs
        ON costs.application = models.application
            AND costs.source = models.source
            AND costs.model = models.model
            AND costs.currency = currencies.currency
    LEFT JOIN listed
        ON listed.application = models.application
            AND listed.source = models.source
            AND listed.model = models.model
            AND listed.currency = currencies.currency
    LEFT JOIN served_models
        ON served_models.application = models.application
            AND served_models.source = models.source
            AND served_models.model = models.model
    LEFT JOIN allocated
        ON allocated.application = models.application
            AND allocated.source = models.source
            AND allocated.model = models.model
            AND allocated.currency = currencies.currency
    LEFT JOIN files_served
        ON files_served.application = models.application
            AND files_served.source = models.source
            AND files_served.model = models.model
    WHERE :application = '*' OR models.application = :application
    UNION ALL
    SELECT
        NULL,
        NULL,
        NULL,
        NULLIF(whole.currency, ''),
        0,
        0,
        every_byte.bytes_sent - COALESCE(parts.bytes_sent, 0),
        0,
        NULL,
        0,
        0,
        CASE WHEN every_byte.is_unpriced = 0 THEN whole.cost_micros - COALESCE(parts_in.cost_micros, 0) END,
        0
    FROM (
        SELECT currency, SUM(cost_micros) AS cost_micros FROM bandwidth GROUP BY currency
    ) AS whole
    CROSS JOIN (
        SELECT SUM(bytes_sent) AS bytes_sent, MAX(is_unpriced) AS is_unpriced FROM buckets
    ) AS every_byte
    CROSS JOIN (SELECT SUM(bytes_sent) AS bytes_sent FROM served_models) AS parts
    LEFT JOIN (
        SELECT currency, SUM(cost_micros) AS cost_micros FROM allocated GROUP BY currency
    ) AS parts_in ON parts_in.currency = whole.currency
    WHERE :application = '*'
        AND (whole.currency <> '' OR NOT EXISTS (SELECT 1 FROM bandwidth WHERE bandwidth.currency <> ''))
)

SELECT
    application,
    source,
    model,
    currency,
    generations,
    files_served,
    bytes_sent,
    CASE WHEN currency IS NOT NULL THEN bandwidth_micros * 0.000001 END AS bandwidth_cost,
    price_micros * 0.000001 AS list_price,
    price_basis,
    CASE WHEN currency IS NOT NULL THEN provider_micros * 0.000001 END AS provider_cost,
    uncosted,
    CASE WHEN spent_elsewhere = 0 AND currency IS NOT NULL
        THEN (price_micros - provider_micros - bandwidth_micros) * 0.000001
    END AS margin
FROM every_model
ORDER BY
    CASE WHEN source IS NULL THEN 1 ELSE 0 END,
    CASE WHEN currency IS NULL THEN 1 ELSE 0 END,
    currency,
    bytes_sent DESC,
    application,
    source,
    model
