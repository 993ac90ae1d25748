"""The steps under Prefect: retries, limits, artifacts, notifications. What is done stands in mediameter/steps."""
