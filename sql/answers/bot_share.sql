-- question: How much of the traffic is bots?
-- asked in: Troubleshooting: Analytics mismatch (all requests including bots)
-- parameters: first_day, last_day (inclusive), application ('*' = all), tenant
-- note: A bot is an agent that calls itself a crawler, a script or a monitor. Agents beyond the 100 most frequent of a
--   day and application are `other` and count as no bots, so the true share may be higher.

SELECT
    agents.day,
    SUM(agents.requests) AS requests,
    SUM(CASE WHEN agents.is_bot THEN agents.requests ELSE 0 END) AS bot_requests,
    -- 1e0 makes the quotient a double on MySQL, whose decimals it would cut after four more digits.
    SUM(CASE WHEN agents.is_bot THEN agents.requests ELSE 0 END) * 1e0
    / NULLIF(SUM(agents.requests), 0) AS bot_share,
    SUM(CASE WHEN agents.is_bot THEN agents.bytes_sent ELSE 0 END) AS bot_bytes,
    COALESCE(finality.is_final, 0) AS is_final,
    finality.complete_through_at
FROM user_agents_daily AS agents
LEFT JOIN day_finality AS finality ON finality.tenant = agents.tenant AND finality.day = agents.day
WHERE agents.tenant = :tenant
    AND agents.day BETWEEN :first_day AND :last_day
    AND (:application = '*' OR agents.application = :application)
GROUP BY agents.day, finality.is_final, finality.complete_through_at
ORDER BY agents.day DESC
