"""The quality gate: a day's figures are judged before the day may be final."""
