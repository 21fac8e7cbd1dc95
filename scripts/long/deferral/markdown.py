"""Numbers and rows as markdown; what is not defined is a dash."""

import math
from collections.abc import Iterable, Sequence

from gpu_cascade.evaluate.words import DASH, label


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; "" without rows."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    head = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return "\n".join([*head, *lines]) if lines else ""


def figure(value: float | None, digits: int = 3) -> str:
    """A number without its leading zero: .564, -.02."""
    if value is None or not math.isfinite(value):
        return DASH
    said = f"{value:.{digits}f}"
    return said.replace("0.", ".", 1) if said.lstrip("-").startswith("0.") else said


def percent(value: float | None) -> str:
    """A share as percent."""
    return DASH if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"


def seconds(value: float | None) -> str:
    """Engine-seconds."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.2f}"


def over(tiers: Sequence[str]) -> str:
    """A cascade by its tiers."""
    return " > ".join(tiers)


def name(signal: str) -> str:
    """What a score is called."""
    return label(signal)
