"""What it costs to meter a log, beside what others would take: `python -m benchmarks`, see README.md here."""
