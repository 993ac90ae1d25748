"""The quality gate: suites of rules in YAML, what they read of the warehouse, and Great Expectations, which judges it.
Nobody else knows Great Expectations, which takes seconds to import: `judging` and `docs` are imported when there is
something to judge."""
