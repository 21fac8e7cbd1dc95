"""The learned rule: from labelled drafts to plain numbers.

What is learned is how well the draft stands up to the last tier's answer (`worth`): deferring is about that.
The probability is another matter: it says whether the draft is right, and is mapped onto the score later.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from ..cascade.features import NAMES
from ..cascade.learned import Isotonic, Learned, Sigmoid
from .arrays import Bools, Floats, Ints, Labels

FOLDS = 5
FEWEST = 30  # rows: below, 20 weights follow the noise
FEWEST_OF_A_KIND = 5  # right and wrong drafts each, to map scores onto
ISOTONIC_FROM = 1000  # rows; below, a sigmoid's two numbers are all that can be told
FREE = 1.0  # C, the inverse of the penalty on the weights, where features are few

Fold = tuple[Ints, Ints]


class Weights(NamedTuple):
    """A standardised logistic regression: (d,) three times, and the intercept in log odds."""

    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def score(self, features: Floats) -> Floats:
        """The log odds (n,) of features (n, d); NaN where a feature is NaN."""
        return np.asarray((features - self.mean) / self.scale @ self.coefficients + self.intercept)


def worth(small: Floats, large: Floats) -> Floats:
    """(1 + s - l) / 2 in [0, 1]: 1 where only the draft is right, 1/2 where both do as well.

    Deferring is right where its gain E[l - s | prompt, draft] is above lambda c_l (Dekoninck et al. 2025,
    arXiv 2410.10347, for two models), so the order to defer in is that of the gain, and this target's
    expectation falls as the gain rises. Not 1[s >= 0.5]: where both are wrong, deferring costs c_l and gains
    nothing. Nor 1[s >= l], which forgets how much is gained, and lost.

    Measured as nAUC-DF on rows not fitted to, for worth, 1[s >= l] and 1[s >= 0.5]. Prompt features on what
    RouteLLM published: .19, .17, .14 on GSM8K (1,319 rows), .13, .11, .07 on MMLU (5,000). Drafts of XQuAD,
    0.5B to 1.5B: .28, .32, .29 fitted to 170 rows, but .24, .25, .27 to 70, for the last tier's answers are
    noise, too.
    """
    return (1 + small - large) / 2


def weights(features: Floats, target: Floats, c: float = FREE) -> Weights | None:
    """Logistic regression of a target in [0, 1] on standardised features (n, d), with an L2 penalty 1 / c.

    A target between 0 and 1 counts as that much of a 1 and the rest of a 0 (Papke & Wooldridge 1996). Rows
    with a NaN are left out. None where fewer than 30 rows are left, or all their targets are the same.
    """
    known = np.isfinite(features).all(axis=1) & np.isfinite(target)
    if known.sum() < FEWEST or np.ptp(target[known]) == 0:
        return None
    return _regression(features[known], target[known], c)


def _regression(x: Floats, y: Floats, c: float) -> Weights:
    scaler = StandardScaler().fit(x)
    twice = np.vstack([scaler.transform(x)] * 2)
    labels, counts = np.repeat([1, 0], len(y)), np.concatenate([y, 1 - y])
    made = LogisticRegression(C=c, max_iter=2000).fit(twice, labels, sample_weight=counts)
    return Weights(scaler.mean_, scaler.scale_, made.coef_[0], float(made.intercept_[0]))


def fit(features: Floats, target: Floats, right: Bools, groups: Labels, seed: int) -> Learned | None:
    """The rule for drafts with these features (n, 20), fitted to a target in [0, 1].

    The target is `worth`, or the draft's own score where nobody knows the last tier's.
    All rows set the weights. The probability is mapped onto the scores that each row gets from the rows of
    other groups, as scikit-learn's `CalibratedClassifierCV(ensemble=False)` does: by an isotonic line from
    1,000 rows on, by a sigmoid below. Not at all where fewer than 5 are right or wrong, or where being right
    does not rise with the score: the draft may stand up well because all answers are wrong. None where the
    rule could not be fitted: too few rows or groups, or all targets the same.
    """
    made, parts = weights(features, target), folds(groups, seed)
    if made is None or not parts:
        return None
    return Learned(
        NAMES,
        tuple(made.mean.tolist()),
        tuple(made.scale.tolist()),
        tuple(made.coefficients.tolist()),
        made.intercept,
        _if_rising(calibrator(crossed(features, target, parts), right)),
    )


def _if_rising(made: Isotonic | Sigmoid | None) -> Isotonic | Sigmoid | None:
    rises = made.a < 0 if isinstance(made, Sigmoid) else made is not None and made.y[0] < made.y[-1]
    return made if rises else None


def crossed(features: Floats, target: Floats, parts: Sequence[Fold], c: float = FREE) -> Floats:
    """The log odds (n,) of each part's rows by the weights that the others give; NaN where they give none."""
    scores = np.full(len(target), np.nan)
    for train, rest in parts:
        made = weights(features[train], target[train], c)
        if made is not None:
            scores[rest] = made.score(features[rest])
    return scores


def calibrator(scores: Floats, right: Bools) -> Isotonic | Sigmoid | None:
    """From scores to the probability of being right; None with fewer than 5 that are, or that are not."""
    known = np.isfinite(scores)
    if known.sum() < ISOTONIC_FROM:
        return sigmoid(scores, right)
    if min(right[known].sum(), (~right[known]).sum()) < FEWEST_OF_A_KIND:
        return None
    made = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[known], right[known])
    return Isotonic(tuple(made.X_thresholds_.tolist()), tuple(made.y_thresholds_.tolist()))


def sigmoid(scores: Floats, right: Bools) -> Sigmoid | None:
    """Platt's map; None with fewer than 5 of a kind, or where all scores are the same.

    Fitted without a penalty to (N+ + 1) / (N+ + 2) for the N+ right ones and 1 / (N- + 2) for the others, as
    Platt 1999 has it, so that a few rows do not claim certainty.
    """
    known = np.isfinite(scores)
    yes, no = int(right[known].sum()), int((~right[known]).sum())
    if min(yes, no) < FEWEST_OF_A_KIND or np.ptp(scores[known]) == 0:
        return None
    aims = np.where(right[known], (yes + 1) / (yes + 2), 1 / (no + 2))
    made = _regression(scores[known, None], aims, np.inf)
    slope = float(made.coefficients[0] / made.scale[0])
    return Sigmoid(-slope, float(slope * made.mean[0]) - made.intercept)


def out_of_fold(
    features: Floats, target: Floats, groups: Labels, seed: int, c: float = FREE
) -> Floats | None:
    """The expected target of every row (n,), in (0, 1), by a rule that saw no row of its group.

    NaN where a feature is NaN; None where a part could not be fitted.
    """
    parts = folds(groups, seed)
    scores = crossed(features, target, parts, c)
    if not parts or any(np.isnan(scores[rest]).all() for _, rest in parts):
        return None
    return np.asarray(expit(scores))


def folds(groups: Labels, seed: int) -> list[Fold]:
    """Each of up to five parts of the rows, and all others first; no group in both. [] with one group."""
    count = min(FOLDS, len(np.unique(groups)))
    if count < 2:
        return []
    return list(GroupKFold(count, shuffle=True, random_state=seed).split(groups, groups=groups))
