"""Frame in, frame out: attribution, rollups, durations, cost, checks. Pure; time and prices come in as arguments."""
