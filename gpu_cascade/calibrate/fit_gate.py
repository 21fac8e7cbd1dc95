"""The gate, and whether it pays; and the router, which decides before any draft and is the baseline to beat.

What the gate learns is whether a draft would be kept, for that is what a draft is worth: skipping it saves
its c_s engine-seconds, and costs the last tier's c_l where it would have been kept. So it skips where
P(kept | prompt) < c_s / c_l: the threshold follows from measured costs, and no search over thresholds fits
the noise. A gate is fitted on the fit split, before certifying, with the drafts kept that the threshold found
there would keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cascade.gate import PROMPT_FEATURES, Gate, Messages, prompt_features
from .arrays import Bools, Floats, Labels
from .bootstrap import cluster_upper
from .fit import FEWEST, FREE, Weights, folds, out_of_fold, weights, worth
from .units import by_group

CONFIDENCE = 0.95  # of the lower bound of what is saved, one-sided
TIGHT = 1e-3  # C with an embedding's hundreds of numbers: nAUC-DF on GSM8K .17 by it alone, .07 with C = 1


@dataclass(frozen=True, slots=True, eq=False)
class Drafted:
    """What drafting did on n rows, (n,) each; in engine-seconds and scores in [0, 1].

    `kept`: what the cascade would keep without a gate. `draft_s`: what was spent before the verdict, the
    judge's look included.
    """

    kept: Bools
    draft_s: Floats
    last_s: Floats
    small: Floats
    large: Floats
    groups: Labels

    @property
    def spent(self) -> float:
        """Engine-seconds of the cascade without a gate, all rows together."""
        return float(np.sum(self.draft_s + ~self.kept * self.last_s))

    def saved(self, skipped: Bools) -> Floats:
        """Engine-seconds (n,) that skipping these drafts saves; negative where one would have been kept."""
        return np.where(skipped, self.draft_s - self.kept * self.last_s, 0.0)

    def gained(self, skipped: Bools) -> Floats:
        """What skipping does to the score (n,): where a draft would have been kept, the last tier answers."""
        return np.where(skipped & self.kept, self.large - self.small, 0.0)


@dataclass(frozen=True, slots=True)
class Gating:
    """Whether a gate pays. `gate` None: it does not, or nobody can say; the sentence says why.

    On rows that the gate had not seen: `skipped`, the share of prompts; `saved` and `least`, the share of the
    cascade's engine-seconds and its lower 95 % bound; `gained`, the mean change of the score. None where it
    could not be fitted.
    """

    gate: Gate | None
    sentence: str
    skipped: float | None = None
    saved: float | None = None
    least: float | None = None
    gained: float | None = None


def prompt_table(prompts: Sequence[Messages]) -> Floats:
    """`PROMPT_FEATURES` of each prompt, (n, d); NaN where there are none."""
    silent = (np.nan,) * len(PROMPT_FEATURES)
    return np.array([prompt_features(messages) or silent for messages in prompts])


def fit_gate(prompts: Floats, drafted: Drafted, seed: int) -> Gating:
    """The gate for prompts with these features (n, d), if it pays.

    Each of five parts of the rows, whole groups together, is skipped by a gate fitted to the other four. It
    pays where that skips 30 drafts or more, the lower bound of what it saves is above 0, by a bootstrap over
    groups of the paired difference with and without a gate, and the mean score is no lower.
    """
    if not (drafted.spent > 0 and drafted.last_s.mean() > 0):  # NaN fails every comparison
        return Gating(
            None, f"Not all of {len(prompts)} rows carry engine-seconds, so no gate can be told to pay."
        )
    made = weights(prompts, drafted.kept.astype(np.float64))
    skipped = _skipped(prompts, drafted, seed)
    if made is None or skipped is None:
        return Gating(None, _untold(drafted))
    saved, gained = drafted.saved(skipped), float(drafted.gained(skipped).mean())
    least = _lower(saved, drafted.groups, seed) * len(saved) / drafted.spent
    found = (float(skipped.mean()), float(saved.sum()) / drafted.spent, least, gained)
    but = _objection(int(skipped.sum()), least, gained)
    gate = None if but else _gate(made, _break_even(drafted.draft_s, drafted.last_s))
    return Gating(gate, _sentence(len(saved), *found, but), *found)


def router(
    prompts: Floats,
    small: Floats,
    large: Floats,
    groups: Labels,
    seed: int,
    embedded: Floats | None = None,
) -> Floats | None:
    """How well the first tier will do, before it drafts, (n,) in (0, 1); no row's rule saw its group.

    The expected `worth`, half where it does as well as the last tier; an order, and no probability of being
    right. `embedded` (n, e) adds what a sentence embedding knows of the prompt. NaN where a prompt has no
    features, None where it could not be fitted.
    """
    features = prompts if embedded is None else np.hstack([prompts, embedded])
    return out_of_fold(features, worth(small, large), groups, seed, FREE if embedded is None else TIGHT)


def _skipped(prompts: Floats, drafted: Drafted, seed: int) -> Bools | None:
    """Which drafts gates that had not seen them would skip; None where one could not be fitted."""
    skipped = np.zeros(len(prompts), dtype=bool)
    parts = folds(drafted.groups, seed)
    for train, rest in parts:
        made = weights(prompts[train], drafted.kept[train].astype(np.float64))
        if made is None:
            return None
        odds = _log_odds(_break_even(drafted.draft_s[train], drafted.last_s[train]))
        skipped[rest] = made.score(prompts[rest]) < odds
    return skipped if parts else None


def _break_even(draft_s: Floats, last_s: Floats) -> float:
    """c_s / c_l, at most 1: a draft kept less often than that costs more than it saves."""
    return float(min(1.0, draft_s.mean() / last_s.mean()))


def _log_odds(probability: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(probability) - np.log1p(-probability))


def _lower(saved: Floats, groups: Labels, seed: int) -> float:
    """The lower bound of the mean. Bounds are made for losses in [-1, 1]."""
    most = float(np.abs(saved).max()) or 1.0
    units = by_group(-saved[:, None] / most, np.ones((len(saved), 1), dtype=bool), groups)
    return -most * float(cluster_upper(units, per_kept=False, confidence=CONFIDENCE, seed=seed)[0])


def _gate(made: Weights, threshold: float) -> Gate:
    return Gate(
        PROMPT_FEATURES,
        tuple(made.mean.tolist()),
        tuple(made.scale.tolist()),
        tuple(made.coefficients.tolist()),
        made.intercept,
        threshold,
    )


def _untold(drafted: Drafted) -> str:
    """Why nothing could be fitted."""
    rows, groups, kept = len(drafted.kept), len(np.unique(drafted.groups)), int(drafted.kept.sum())
    if 0 < kept < rows:
        return f"{rows} rows in {groups} groups, {kept} of their drafts kept, are too few to fit a gate."
    which = "every draft" if kept else "no draft"
    return f"The cascade keeps {which} of {rows} rows, so no prompt can be told from another: no gate."


def _objection(skipped: int, least: float, gained: float) -> str | None:
    """Why the gate does not pay; None where it does."""
    if skipped < FEWEST:
        return f"{skipped} drafts skipped are too few to tell"
    if least <= 0:
        return "it may well save nothing"
    return "it costs quality" if gained < 0 else None


def _sentence(rows: int, skipped: float, saved: float, least: float, gained: float, but: str | None) -> str:
    """What the gate did to rows it had not seen, and what follows."""
    return (
        f"On {rows} rows that it had not seen, a gate skips {skipped:.1%} of the drafts, saves {saved:.1%} "
        f"of the engine-seconds (at least {least:.1%}, with {CONFIDENCE:.0%} confidence) and changes the "
        f"score by {gained:+.3f}: {f'{but}, so there is no gate' if but else 'it pays'}."
    )
