-- question: What did each model's generations bring in, cost at the provider, and cost to serve?
-- asked in: Director's Palette: Revenue Dashboard: Revenue by model, with what was served of it
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: margin = list_price - provider_cost - bandwidth_cost, in US dollars, over the window: what was generated in it, and
--   what was served in it of all that the model ever made. A generation names its media file, the log what was served of
--   that file; a file that several say they made is the earliest's. The row without a source is the bandwidth that no
--   generation accounts for. bandwidth_cost: the bytes' share of what their day, application and bucket cost; NULL, and
--   with it the margin, where some of it has no price or is not in USD.

WITH bandwidth AS (
    SELECT
        day,
        application,
        bucket,
        SUM(bytes_sent) AS bytes_sent,
        CASE
            WHEN COUNT(cost_micros) = COUNT(*) AND MIN(currency) = 'USD' AND MAX(currency) = 'USD' THEN SUM(cost_micros)
        END AS cost_micros
    FROM bandwidth_cost_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day
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

allocated AS (
    SELECT
        served.application,
        served.source,
        served.model,
        SUM(served.bytes_sent) AS bytes_sent,
        CASE WHEN COUNT(bandwidth.cost_micros) = COUNT(*) THEN
            -- As decimals: the product of two integers might not fit.
            SUM(CASE WHEN bandwidth.bytes_sent = 0 THEN 0 ELSE
                ROUND(1.000000000000 * bandwidth.cost_micros * served.bytes_sent / NULLIF(bandwidth.bytes_sent, 0))
            END)
        END AS cost_micros
    FROM served
    LEFT JOIN bandwidth ON bandwidth.day = served.day
        AND bandwidth.application = served.served_for
        AND bandwidth.bucket = served.bucket
    GROUP BY served.application, served.source, served.model
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
        SUM(CASE WHEN status = 'completed' THEN price_micros ELSE 0 END) AS price_micros,
        CASE WHEN SUM(uncosted) = 0 THEN SUM(cost_micros) END AS cost_micros
    FROM generations_daily
    WHERE tenant = :tenant AND day BETWEEN :first_day AND :last_day AND currency IN ('', 'USD')
    GROUP BY application, source, model
),

models AS (
    SELECT application, source, model FROM made
    UNION
    SELECT application, source, model FROM allocated
),

every_model AS (
    SELECT
        models.application,
        models.source,
        models.model,
        COALESCE(made.generations, 0) AS generations,
        COALESCE(files_served.files_served, 0) AS files_served,
        COALESCE(allocated.bytes_sent, 0) AS bytes_sent,
        COALESCE(made.price_micros, 0) AS price_micros,
        CASE WHEN made.model IS NULL THEN 0 ELSE made.cost_micros END AS provider_micros,
        CASE WHEN allocated.model IS NULL THEN 0 ELSE allocated.cost_micros END AS bandwidth_micros
    FROM models
    LEFT JOIN made
        ON made.application = models.application AND made.source = models.source AND made.model = models.model
    LEFT JOIN allocated
        ON allocated.application = models.application
            AND allocated.source = models.source
            AND allocated.model = models.model
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
        0,
        0,
        whole.bytes_sent - COALESCE(parts.bytes_sent, 0),
        0,
        0,
        CASE WHEN parts.is_known = 1 THEN whole.cost_micros - parts.cost_micros END
    FROM (
        SELECT
            SUM(bytes_sent) AS bytes_sent,
            CASE WHEN COUNT(cost_micros) = COUNT(*) THEN SUM(cost_micros) END AS cost_micros
        FROM bandwidth
    ) AS whole
    CROSS JOIN (
        SELECT
            SUM(bytes_sent) AS bytes_sent,
            COALESCE(SUM(cost_micros), 0) AS cost_micros,
            CASE WHEN COUNT(cost_micros) = COUNT(*) THEN 1 ELSE 0 END AS is_known
        FROM allocated
    ) AS parts
    WHERE :application = '*' AND whole.bytes_sent IS NOT NULL
)

SELECT
    application,
    source,
    model,
    generations,
    files_served,
    bytes_sent,
    bandwidth_micros * 0.000001 AS bandwidth_cost,
    price_micros * 0.000001 AS list_price,
    provider_micros * 0.000001 AS provider_cost,
    (price_micros - provider_micros - bandwidth_micros) * 0.000001 AS margin
FROM every_model
ORDER BY CASE WHEN source IS NULL THEN 1 ELSE 0 END, bytes_sent DESC, application, source, model
