-- question: What was the verdict of each check on each day?
-- asked in: Monitoring & Alerts: Key Metrics to Monitor; Setting Up Alerts
-- parameters: first_day, last_day (inclusive), tenant
-- note: `not_yet_knowable`: the day's logs are not complete. `not_available`: no requests, no price or no
--   threshold to judge by. `too_few`: beyond its threshold, or not, by chance; never ok. complete_through_at is that of the moment of judging.

SELECT
    checks.day,
    checks.rule,
    checks.check_group,
    checks.verdict,
    checks.value,
    checks.threshold,
    checks.unit,
    checks.sample,
    COALESCE(finality.is_final, 0) AS is_final,
    checks.complete_through_at
FROM alert_checks_daily AS checks
LEFT JOIN day_finality AS finality ON finality.tenant = checks.tenant AND finality.day = checks.day
WHERE checks.tenant = :tenant
    AND checks.day BETWEEN :first_day AND :last_day
ORDER BY checks.day DESC, checks.rule, checks.check_group
