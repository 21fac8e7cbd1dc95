"""Numbers as a reader wants them; what is not defined is a dash."""

import math
from collections.abc import Callable

from .results import Estimate

DASH = "–"
ALWAYS = "always_"
LABELS = {
    "p_true": "P(True) by the judge",
    "learned": "learned rule",
    "router": "router before drafting",
    "ucci": "UCCI's rule",
    "served": "as it serves now",
}


def number(value: float | None) -> str:
    """Three decimals: an area, an error."""
    return DASH if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """A share in [0, 1] as percent."""
    return DASH if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points."""
    return DASH if value is None else f"{100 * value:.1f} points"


def seconds(value: float | None) -> str:
    """Engine-seconds, three digits that count."""
    if value is None:
        return DASH
    return f"{value:#.3g} s" if abs(value) < 100 else f"{value:.0f} s"


def threshold(value: float) -> str:
    """A threshold in its signal's unit; infinite keeps nothing."""
    return f"{value:.3g}" if math.isfinite(value) else "keep none"


def interval(estimate: Estimate, form: Callable[[float | None], str] = share) -> str:
    """A value and its 95 % interval: '41.2 % [38.0, 44.9]'."""
    if estimate.value is None or estimate.ci is None:
        return form(estimate.value)
    low, high = (form(end).split()[0] for end in estimate.ci)
    return f"{form(estimate.value)} [{low}, {high}]"


def label(name: str) -> str:
    """What a score or a policy is called in a report."""
    return LABELS.get(name, f"always {name.removeprefix(ALWAYS)}" if name.startswith(ALWAYS) else name)
