"""An analysis as plain JSON."""

import math
from dataclasses import asdict
from typing import Any

from ..calibrate.metrics import Bin
from .results import Analysis


def to_json(analysis: Analysis) -> dict[str, Any]:
    """The figures most asked for by name, then everything. None: not defined, or a threshold that keeps none.

    Two tiers are called `small` and `large`, more by their engines' names. Figures on one signal are those of
    the first tier's drafts. `cascade` is what serves, where that was handed in, else the chosen signal with
    each half's threshold from the other half; `at_matched_quality` is read off the chosen signal's curve.
    """
    pair = analysis.pairs[0]
    ranking = next(one for one in pair.rankings if one.name == analysis.signal)
    head = {
        "n": analysis.n,
        "quality": _named(analysis, "quality"),
        "auc_df": ranking.auc_df,
        "nauc_df": {one.name: one.nauc_df.value for one in pair.rankings},
        "auroc": ranking.error_auroc,
        "ece": pair.probabilities[0].ece.value,
        "cost": {"engine_s": _named(analysis, "engine_s"), "break_even": pair.break_even},
        "at_matched_quality": _matched(analysis),
    }
    plain: dict[str, Any] = _plain({**head, **asdict(analysis)})
    return plain


def _named(analysis: Analysis, field: str) -> dict[str, float | None]:
    """One number of each tier, the cascade and the oracle."""
    by_name = {policy.name: getattr(policy, field).value for policy in analysis.policies}
    tiers = ("small", "large") if len(analysis.tiers) == 2 else analysis.tiers
    found = {word: by_name[f"always_{tier}"] for word, tier in zip(tiers, analysis.tiers, strict=True)}
    cascade = "served" if "served" in by_name else analysis.signal
    return {**found, "cascade": by_name[cascade], "oracle": by_name["oracle"]}


def _matched(analysis: Analysis) -> dict[str, Any]:
    chosen = analysis.matched[0]
    return {
        "target_loss": analysis.target_loss,
        "escalation": chosen.escalation.value,
        "ci": chosen.escalation.ci,
        "engine_s": asdict(chosen.engine_s),
        "saved": asdict(chosen.saved),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Bin):
        return _plain(value._asdict())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
