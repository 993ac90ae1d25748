"""What others would take for the same job: each a program of its own that knows nothing of ours."""
