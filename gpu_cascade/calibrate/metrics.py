"""How well a confidence sorts drafts, and how true a probability is. Pure; every array has one entry per row.

`small` and `large` are the scores in [0, 1] of the draft and of the answer it would be replaced by;
`confidence` is higher where the draft is surer. A NaN confidence says nothing and counts as least sure; where
all are NaN nothing is said about how well it sorts. Anything undefined is None, never 0.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from .arrays import Bools, Floats

BINS = 10  # of the reliability picture and the calibration error, each with as many rows as the others
FLAT = 1e-12  # two areas no further apart than this are the same


def ordered(confidence: Floats) -> Floats:
    """NaN as -inf: what says nothing is less sure than anything that does."""
    return np.where(np.isnan(confidence), -np.inf, confidence)


def auc_df(small: Floats, large: Floats, confidence: Floats) -> float:
    """Area under quality (y) against the share deferred (x in [0, 1]), least sure first.

    mean(s) + (1/n) sum (l_i - s_i) (1 - (rank_i - 1/2) / n), rank the ascending mid-rank of confidence: the
    trapezoid over k/n, k = 0..n, averaged over all orders of ties. In the unit of the scores.
    Gupta et al. 2024, "Language Model Cascades: Token-level uncertainty and beyond", section 4.
    """
    n = len(small)
    rank = rankdata(ordered(confidence))
    return float(np.mean(small) + np.sum((large - small) * (1 - (rank - 0.5) / n)) / n)


def random_auc_df(small: Floats, large: Floats) -> float:
    """AUC-DF of deferring at random: half way between always-small and always-large."""
    return float((np.mean(small) + np.mean(large)) / 2)


def oracle_auc_df(small: Floats, large: Floats) -> float:
    """AUC-DF of deferring where it gains most first: the largest there is."""
    return auc_df(small, large, small - large)


def nauc_df(small: Floats, large: Floats, confidence: Floats) -> float | None:
    """AUC-DF between random (0) and oracle (1); negative: worse than a coin.

    None where oracle and random are the same, as where no answer differs in score.
    """
    low, high = random_auc_df(small, large), oracle_auc_df(small, large)
    if np.isnan(confidence).all() or high - low <= FLAT:
        return None
    return (auc_df(small, large, confidence) - low) / (high - low)


def auroc(positive: Bools, confidence: Floats) -> float | None:
    """The chance that a positive is less sure than a negative, ties half; 0.5 is a coin.

    From the ranks of the negatives (Mann & Whitney 1947): `roc_auc_score` of scikit-learn, in a third of its
    time. None with one class.
    """
    if not _two_sided(positive, confidence):
        return None
    negatives = rankdata(ordered(confidence))[~positive]
    wins = negatives.sum() - len(negatives) * (len(negatives) + 1) / 2
    return float(wins / (len(negatives) * positive.sum()))


def auprc(positive: Bools, confidence: Floats) -> float | None:
    """Average precision of finding positives among the least sure; a coin has the share of positives.

    None with one class.
    """
    if not _two_sided(positive, confidence):
        return None
    return float(average_precision_score(positive, -rankdata(ordered(confidence))))


def _two_sided(positive: Bools, confidence: Floats) -> bool:
    return bool(positive.any() and not positive.all() and not np.isnan(confidence).all())


def prr(quality: Floats, confidence: Floats) -> float | None:
    """Prediction-rejection ratio (A - A_random) / (A_oracle - A_random); 0 is a coin, 1 the oracle.

    A = (1/n) sum_m (1/m) sum_{i <= m} q_(i), quality ordered by falling confidence: the mean quality of what
    is left, over every share rejected (max_rejection = 1). Ties count with their mean, the average over
    their orders. None where all qualities are the same or there are none.
    Malinin & Gales 2021; as in lm-polygraph (Vashurin et al. 2025).
    """
    if np.isnan(confidence).all():
        return None
    random = float(np.mean(quality))
    oracle = _retained(quality, quality)
    return (_retained(quality, confidence) - random) / (oracle - random) if oracle - random > FLAT else None


def _retained(quality: Floats, confidence: Floats) -> float:
    """Mean quality of the m surest, over m = 1..n."""
    _, place, count = np.unique(-ordered(confidence), return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=quality) / count
    return float(np.mean(np.cumsum(np.repeat(mean, count)) / np.arange(1, len(quality) + 1)))


class Bin(NamedTuple):
    """One bin of the reliability picture: `said` the mean probability, `came` the share that was right.

    `rows` is a fraction where ten bins do not divide the rows, or share them.
    """

    rows: float
    said: float
    came: float


def spread(probability: Floats) -> Floats:
    """How much of each row lies in each of 10 bins of equal count, ascending; (n, 10), fewer for fewer rows.

    Equal probabilities share all bins that they reach, so the order of the rows does not matter. Rows
    without a probability (NaN) lie in none.
    """
    known = ~np.isnan(probability)
    _, place, count = np.unique(probability[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    bins = min(BINS, len(place))
    edges = np.arange(bins + 1) * len(place) / max(bins, 1)
    reached = np.minimum(ends[:, None], edges[1:]) - np.maximum((ends - count)[:, None], edges[:-1])
    shares = np.zeros((len(probability), bins))
    shares[known] = (np.maximum(reached, 0) / count[:, None])[place]
    return shares


def reliability(probability: Floats, right: Bools) -> tuple[Bin, ...]:
    """The bins of `spread`: how many rows, what they said, what came; () where no row has a probability."""
    shares = spread(probability)
    said, came = shares.T @ np.nan_to_num(probability), shares.T @ right
    rows = shares.sum(axis=0)
    return tuple(Bin(*map(float, one)) for one in zip(rows, said / rows, came / rows, strict=True))


def ece(probability: Floats, right: Bools) -> float | None:
    """Expected calibration error sum_b (n_b / n) |said_b - came_b| over 10 bins of equal count; in [0, 1].

    None where no row has a probability. Naeini et al. 2015, with equal counts instead of equal widths.
    """
    bins = reliability(probability, right)
    rows = sum(part.rows for part in bins)
    return sum(part.rows * abs(part.said - part.came) for part in bins) / rows if rows else None


def brier(probability: Floats, right: Bools) -> float | None:
    """Mean squared distance of a probability from what came, in [0, 1]; None where no row has one."""
    known = ~np.isnan(probability)
    return float(np.mean((probability[known] - right[known]) ** 2)) if known.any() else None
