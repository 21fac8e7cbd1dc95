"""From labelled drafts to a learned rule; the truth is known, for the drafts are drawn from it."""

import msgspec
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gpu_cascade.calibrate.fit import calibrator, fit, folds, out_of_fold, sigmoid, weights, worth
from gpu_cascade.cascade.features import NAMES
from gpu_cascade.cascade.learned import Isotonic, Learned, Sigmoid

D = len(NAMES)


def drawn(n, seed=0):
    """Features, and right drafts with log odds 2 x_0 - x_3."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, D))
    right = rng.random(n) < 1 / (1 + np.exp(features[:, 3] - 2 * features[:, 0]))
    return features, right


def fitted(n, **changed):
    features, right = drawn(n)
    given = {"target": right.astype(float), "right": right, "groups": np.arange(n), "seed": 0}
    return fit(features, **{**given, **changed})


def test_weights_are_those_of_logistic_regression():
    """On targets of 0 and 1 they are scikit-learn's own, standardised."""
    features, right = drawn(500)
    pipe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000)).fit(features, right)

    made = weights(features, right.astype(float))

    assert pytest.approx(pipe.decision_function(features), abs=1e-9) == made.score(features)


def test_a_target_between_counts_as_a_part():
    """A row at 1/2 is half a 1 and half a 0: as two rows of each half the weight."""
    features, right = drawn(300)
    target = right.astype(float)
    target[:100] = 0.5
    twice = np.vstack([features, features[:100]])
    labels = np.concatenate([np.ones(100), right[100:], np.zeros(100)])
    counts = np.concatenate([np.full(100, 0.5), np.ones(200), np.full(100, 0.5)])
    scaled = StandardScaler().fit(features)
    other = LogisticRegression(max_iter=2000).fit(scaled.transform(twice), labels, sample_weight=counts)

    made = weights(features, target)

    assert pytest.approx(other.coef_[0], abs=1e-3) == made.coefficients


def test_worth_says_how_the_draft_stands_up():
    """1 where it alone is right, 1/2 where both do as well, 0 where it loses all."""
    small, large = np.array([1.0, 1, 0, 0, 0.25]), np.array([0.0, 1, 0, 1, 0.75])

    assert [1.0, 0.5, 0.5, 0.0, 0.25] == worth(small, large).tolist()


def test_a_rule_finds_what_is_there():
    """From 3,000 drafts: the two features that matter, and probabilities near the true ones."""
    learned = fitted(3000)
    features, _ = drawn(3000, seed=1)
    scores = (features - learned.mean) / learned.scale @ learned.coefficients + learned.intercept
    said = np.array([learned.probability(score) for score in scores])
    true = 1 / (1 + np.exp(features[:, 3] - 2 * features[:, 0]))

    assert {0, 3} == set(np.argsort(-np.abs(learned.coefficients))[:2])
    assert np.abs(said - true).mean() < 0.05
    assert learned == msgspec.json.decode(msgspec.json.encode(learned), type=Learned)


def test_the_same_seed_gives_the_same_rule():
    """And another one another map: other folds were mapped."""
    assert fitted(200) == fitted(200)
    assert fitted(200).calibrator != fitted(200, seed=1).calibrator


def test_the_map_is_isotonic_from_1000_rows_on():
    """Below, a sigmoid's two numbers are all that can be told; with four right ones there is no map."""
    assert isinstance(fitted(1000).calibrator, Isotonic)
    assert isinstance(fitted(999).calibrator, Sigmoid)
    assert fitted(200, right=np.arange(200) < 4).calibrator is None


@pytest.mark.parametrize("n", [200, 2000])
def test_a_probability_never_falls_as_the_score_rises(n):
    """Drafts that stand up well because nobody is right: then there is an order and no probability."""
    _, right = drawn(n)

    assert fitted(n, right=~right).calibrator is None
    assert fitted(n, right=~right).coefficients == fitted(n).coefficients


def test_the_isotonic_map_is_scikit_learns():
    """Its knots say what `IsotonicRegression` predicts, between them and beyond."""
    features, right = drawn(1500)
    scores = features[:, 0]
    made = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, right)
    asked = np.linspace(-6, 6, 500)

    line = calibrator(scores, right)

    assert pytest.approx(made.predict(asked), abs=1e-9) == [line.at(score) for score in asked]


def test_the_sigmoid_is_scikit_learns():
    """Platt's two numbers are those that `CalibratedClassifierCV` finds."""
    features, right = drawn(900)
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(features[:400], right[:400])
    sure = CalibratedClassifierCV(FrozenEstimator(pipe), method="sigmoid").fit(features[400:], right[400:])
    other = sure.calibrated_classifiers_[0].calibrators[0]

    made = sigmoid(pipe.decision_function(features[400:]), right[400:])

    assert pytest.approx((other.a_, other.b_), abs=1e-3) == (made.a, made.b)


@pytest.mark.parametrize(
    "odd",
    [
        {"groups": np.zeros(200)},
        {"target": np.ones(200)},
        {"target": np.full(200, np.nan)},
    ],
)
def test_what_cannot_be_fitted_is_none(odd):
    """One group, one kind of draft, no labels."""
    assert fitted(200, **odd) is None


def test_few_rows_are_none():
    """Fewer than 30 would set 20 weights."""
    assert fitted(29) is None
    assert fitted(5) is None


def test_rows_without_evidence_are_left_out():
    """A NaN feature neither stops the fit nor moves it."""
    features, right = drawn(400)
    holed = np.vstack([features, np.full((50, D), np.nan)])

    made = weights(holed, np.concatenate([right, np.zeros(50)]).astype(float))

    assert weights(features, right.astype(float)).coefficients.tolist() == made.coefficients.tolist()
    assert np.isnan(made.score(holed)[400:]).all()


def test_a_map_needs_both_kinds():
    """Four right ones, or scores that are all the same, say nothing about probabilities."""
    scores = np.linspace(-1, 1, 2000)

    assert calibrator(scores, scores > scores[-5]) is None
    assert sigmoid(scores[:100], scores[:100] < scores[4]) is None
    assert sigmoid(np.ones(100), np.arange(100) % 2 == 0) is None


def test_no_row_is_judged_by_its_own_group():
    """Where features only name the group, a rule that saw it would be right; this one knows nothing."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    right = np.repeat(rng.random(60) < 0.5, 10)
    features = np.repeat(rng.normal(size=(60, 30)), 10, axis=0)

    found = out_of_fold(features, right.astype(float), groups, 0)

    assert np.abs(np.corrcoef(found, right)[0, 1]) < 0.3
    assert np.corrcoef(weights(features, right.astype(float)).score(features), right)[0, 1] > 0.6


def test_out_of_fold_probabilities_come_true():
    """Every row has one, NaN where it has no features, and they are near the true ones."""
    features, right = drawn(1000)
    true = 1 / (1 + np.exp(features[:, 3] - 2 * features[:, 0]))
    features[7, 2] = np.nan

    found = out_of_fold(features, right.astype(float), np.arange(1000), 0)

    assert [7] == np.flatnonzero(np.isnan(found)).tolist()
    assert np.nanmean(np.abs(found - true)) < 0.1


def test_out_of_fold_is_none_where_a_part_cannot_be_fitted():
    """One group, one kind, too few rows."""
    features, right = drawn(100)
    target = right.astype(float)

    assert out_of_fold(features, target, np.zeros(100), 0) is None
    assert out_of_fold(features, np.ones(100), np.arange(100), 0) is None
    assert out_of_fold(features[:20], target[:20], np.arange(20), 0) is None


def test_folds_share_no_group_and_miss_no_row():
    """Each row is judged once, and never by its own group."""
    groups = np.array(["a", "b", "c", "d", "e", "f", "g"] * 5)

    parts = folds(groups, 0)

    assert 5 == len(parts)
    assert list(range(35)) == sorted(np.concatenate([rest for _, rest in parts]).tolist())
    assert all(not set(groups[train]) & set(groups[rest]) for train, rest in parts)
    assert (3, []) == (len(folds(groups[:3], 0)), folds(groups[:1], 0))
