"""Simulated calibrations whose truth is known: what `certification.py` and the tests measure."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from gpu_cascade.calibrate.bootstrap import cluster_upper
from gpu_cascade.calibrate.certificate import Kind
from gpu_cascade.calibrate.certify import PAIRED_START, certify
from gpu_cascade.calibrate.pvalues import betting_p, binomial_p
from gpu_cascade.calibrate.splits import UNTRAINED, grid, kept, split
from gpu_cascade.calibrate.units import by_group

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CONFIDENCE = 0.9
DELTA = 1 - CONFIDENCE


@dataclass(frozen=True)
class Record:
    """Labelled rows as arrays, one entry each: the draft's score and both answers' quality."""

    scores: Floats
    small: Floats
    large: Floats
    groups: Ints

    def only(self, rows: Ints) -> "Record":
        """These rows alone."""
        return Record(self.scores[rows], self.small[rows], self.large[rows], self.groups[rows])


@dataclass(frozen=True)
class Population:
    """Traffic whose loss is known.

    Scores are uniform; P(small right) rises with them from .52 to 1, P(large right) from .81 to .97. `shared`
    is the correlation inside a group of everything latent, `sizes` how many rows groups have, each as likely;
    in groups of several rows the small answers are right `harder` less often.
    """

    sizes: tuple[int, ...] = (1,)
    shared: float = 0.0
    harder: float = 0.0

    def draw(self, rows: int, rng: np.random.Generator) -> Record:
        """So many labelled rows."""
        sizes = rng.choice(self.sizes, size=rows)
        groups = np.repeat(np.arange(rows), sizes)[:rows]

        def latent() -> Floats:
            common, own = rng.standard_normal(rows)[groups], rng.standard_normal(rows)
            return math.sqrt(self.shared) * common + math.sqrt(1 - self.shared) * own

        score, small, other = norm.cdf(latent()), latent(), latent()
        large = 0.5 * small + math.sqrt(0.75) * other  # what is hard for the one is harder for the other
        small_right = norm.cdf(small) < 0.52 + 0.48 * score - self.harder * (sizes[groups] > 1)
        large_right = norm.cdf(large) < 0.81 + 0.16 * score
        return Record(score, small_right.astype(float), large_right.astype(float), groups)

    def loss(self, threshold: Floats) -> Floats:
        """The true loss per row of keeping scores from `threshold` on: .16 x^2 - slope x, x the share."""
        share = 1 - np.clip(threshold, 0, 1)
        return 0.16 * share**2 - self._slope * share

    def edge(self, target: float) -> float:
        """The threshold that loses exactly the target, an oracle's; below it all lose more."""
        return max(0.0, 1 - (self._slope + math.sqrt(self._slope**2 + 0.64 * target)) / 0.32)

    @property
    def _slope(self) -> float:
        rows = np.array(self.sizes)
        return 0.03 - self.harder * float(rows[rows > 1].sum() / rows.sum())


@dataclass(frozen=True)
class Trial:
    """One calibration: the thresholds, and the rows that certify."""

    thresholds: Floats
    record: Record

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which drafts each threshold keeps."""
        return kept(self.record.scores, self.thresholds)

    @property
    def losses(self) -> Floats:
        """What each threshold loses on each row against always-large."""
        return np.where(self.kept, (self.record.large - self.record.small)[:, np.newaxis], 0.0)


Chooser = Callable[[Trial, float, int], float]  # a trial, a target and a seed to a threshold


def ours(trial: Trial, target: float, seed: int) -> float:
    return _certified(trial, trial.record.groups, target, seed)


def as_if_independent(trial: Trial, target: float, seed: int) -> float:
    return _certified(trial, np.arange(len(trial.record.scores)), target, seed)


def _certified(trial: Trial, groups: Ints, target: float, seed: int) -> float:
    units, start = by_group(trial.losses, trial.kept, groups), PAIRED_START
    found = certify(Kind.PAIRED, units, target=target, confidence=CONFIDENCE, start=start, seed=seed)
    return math.inf if found.index is None else float(trial.thresholds[found.index])


def bootstrap_alone(trial: Trial, target: float, seed: int) -> float:
    units = by_group(trial.losses, trial.kept, trial.record.groups)
    failed = np.flatnonzero(cluster_upper(units, False, CONFIDENCE, seed) > target)
    return float(trial.thresholds[failed[0] - 1 if len(failed) else -1])


def naive(trial: Trial, target: float, _seed: int) -> float:
    return float(trial.thresholds[np.flatnonzero(trial.losses.mean(axis=0) <= target)[-1]])


def trials(population: Population, rows: int, repeats: int) -> Iterator[Trial]:
    for seed in range(repeats):
        yield parted(population.draw(rows, np.random.default_rng(seed)), seed)


def parted(record: Record, seed: int) -> Trial:
    sets, certifies = split(record.groups, UNTRAINED, seed)
    return Trial(grid(record.scores[sets]), record.only(certifies))


def measured(
    population: Population, rows: int, target: float, repeats: int, *hows: Chooser
) -> list[tuple[float, float]]:
    """For each way to choose: the share of calibrations that miss the target, the mean share escalated."""
    found = np.array(
        [
            [how(trial, target, seed) for how in hows]
            for seed, trial in enumerate(trials(population, rows, repeats))
        ]
    )
    missed = population.loss(found) > target
    return list(zip(missed.mean(axis=0).tolist(), np.clip(found, 0, 1).mean(axis=0).tolist(), strict=True))


def boundary(rows: int, target: float, differ: float, repeats: int, seed: int) -> float:
    """Type-I error of one test where the loss is the target; `differ`: how often the answers differ."""
    worse = (differ + target) / 2
    drawn = np.random.default_rng(seed).random((rows, repeats))
    losses = (drawn < worse).astype(float) - (drawn > 1 - (differ - worse))
    return float(np.mean(betting_p((losses + 1) / 2, (target + 1) / 2, DELTA) <= DELTA))


def kept_boundary(kept_rows: int, target: float, repeats: int, seed: int) -> float:
    """Type-I error of the exact binomial where the error rate among kept is exactly the target."""
    wrong = np.random.default_rng(seed).binomial(kept_rows, target, size=repeats)
    return float(np.mean(binomial_p(wrong, np.full(repeats, kept_rows), target) <= DELTA))


def walk_boundary(population: Population, rows: int, target: float, repeats: int, steps: int) -> float:
    """How often the walk accepts its last step, a policy whose true loss is exactly the target."""
    edge = population.edge(target)
    thresholds = np.concatenate([[np.inf], np.linspace(1, edge, steps + 1)[1:]])
    drawn = (population.draw(rows, np.random.default_rng(seed)) for seed in range(repeats))
    found = [ours(Trial(thresholds, record), target, seed) for seed, record in enumerate(drawn)]
    return float(np.mean(np.array(found) <= edge))
