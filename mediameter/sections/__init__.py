"""What sections of ``mediameter.toml`` are built from: kinds of values, checks of them, and what sources share."""
