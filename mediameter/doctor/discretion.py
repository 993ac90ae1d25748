"""No secret leaves in a finding, whoever's message carried it there."""

from __future__ import annotations

from dataclasses import replace

from mediameter.alerts.wording import one_line
from mediameter.discretion import discreet
from mediameter.doctor.finding import Finding


def discreet_finding(finding: Finding) -> Finding:
    """The finding without the secrets of the settings, and without what looks like one."""
    return replace(
        finding,
        looked_at=discreet(finding.looked_at),
        found=one_line(discreet(finding.found)),
        remedy=discreet(finding.remedy),
    )
