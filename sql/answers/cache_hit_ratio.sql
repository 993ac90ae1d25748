-- question: How often did the CDN answer from its cache?
-- asked in: Metrics Available: CDN performance (cache hit/miss ratios)
-- parameters: none
-- note: Not available: a request that the cache answers never reaches the storage, so its access log holds no hit
--   and no miss. The CDN's own logs would say. `countries` shows how much of the traffic came through an edge.

SELECT
    NULL AS cache_hit_ratio,
    'not_available' AS status,
    'S3 access logs hold no cache hit or miss; the logs of the CDN are needed' AS reason
