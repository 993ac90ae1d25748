"""What tests, trials and benchmarks are made of: writers of lines and events, and worlds whose truth is known."""
