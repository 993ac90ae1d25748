-- question: Which user agents make the most requests?
-- asked in: Key Metrics to Monitor: Unique IPs (abuse, scraping); Troubleshooting: Analytics mismatch (bots)
-- parameters: first_day, last_day (inclusive), application ('*' = all), limit, tenant
-- note: The agent's first 200 characters; `other` are those beyond the 100 of a day and application. NULL: the log has
--   none. is_bot: it calls itself a crawler, a script or a monitor.

SELECT
    NULLIF(user_agent, '') AS user_agent,
    MAX(CASE WHEN is_bot THEN 1 ELSE 0 END) AS is_bot,
    SUM(requests) AS requests,
    SUM(deliveries) AS deliveries,
    SUM(bytes_sent) AS bytes_sent
FROM user_agents_daily
WHERE tenant = :tenant
    AND day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR application = :application)
GROUP BY user_agents_daily.user_agent
ORDER BY requests DESC, user_agents_daily.user_agent
LIMIT :limit
