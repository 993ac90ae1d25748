"""Whether a share is beyond a threshold, or may be so by chance. Pure.

A share of few is judged by what it shows for certain, not left out: the threshold has to lie outside the 95 % Wilson
score interval (E. B. Wilson, 1927), which unlike p ± 2 s holds for shares near 0 and for samples of a dozen.
"""

from __future__ import annotations

from math import sqrt

from mediameter.alerts.rule import Bands, Severity

FEWEST_HITS = 3
"""One failure of seventeen lies beyond 1 % by Wilson's interval, and happens by chance each sixth time; two are an
accident, too. What is counted has to have happened so often, whatever its share."""
_Z = 1.959963984540054  # 97.5 % of the normal distribution lie below: 95 % within


def lower_bound(hits: int, of: int) -> float:
    """The least share that ``hits`` of ``of`` go with: the lower end of the 95 % Wilson score interval."""
    share, z2 = hits / of, _Z * _Z
    middle = share + z2 / (2 * of)
    return max((middle - _Z * sqrt(share * (1 - share) / of + z2 / (4 * of * of))) / (1 + z2 / of), 0.0)


def severity(bands: Bands, share: float, of: int) -> Severity | None:
    """How bad a share of so many is for certain; None where it is fine, or may be. A share that is to be above is held
    against its threshold as what is missing of it."""
    if of < 1:
        return None
    beyond = bands if bands.is_above else Bands(True, _rest(bands.critical), _rest(bands.warning))
    hits = round((share if bands.is_above else 1 - share) * of)
    return beyond.severity(lower_bound(hits, of)) if FEWEST_HITS <= hits <= of else None


def is_too_few(bands: Bands, share: float, of: int) -> bool:
    """Of a share that is not bad for certain: whether it lies beyond a threshold all the same, or nothing that so few
    could show would be bad."""
    worst = 1.0 if bands.is_above else 0.0
    return bands.severity(share) is not None or severity(bands, worst, of) is None


def _rest(limit: float | None) -> float | None:
    return None if limit is None else 1 - limit
