"""The plain steps, without Prefect: this is where the story is read."""
