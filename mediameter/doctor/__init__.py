"""Whether what mediameter needs is there, works, and is set right: a list of findings, each with its remedy.

The checks are tables of functions; each runs under a time limit, and none keeps another from running.
"""

from mediameter.doctor.examination import examine
from mediameter.doctor.finding import VERDICTS, Finding, Verdict

__all__ = ["VERDICTS", "Finding", "Verdict", "examine"]
