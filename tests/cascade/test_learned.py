"""A learned rule is plain numbers that say what the library that fitted it would say."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gpu_cascade.cascade.features import NAMES, features
from gpu_cascade.cascade.learned import Isotonic, Learned, Sigmoid, logistic
from gpu_cascade.cascade.tokens import Evidence
from gpu_cascade.errors import ConfigError

examples = settings(max_examples=50)
D = len(NAMES)
finite = st.floats(-1e6, 1e6)
row = st.lists(finite, min_size=D, max_size=D).map(tuple)


def rising(values):
    return tuple(sorted(values))


@st.composite
def isotonic(draw):
    x = rising(draw(st.sets(finite, min_size=1, max_size=8)))
    return Isotonic(x, rising(draw(st.lists(st.floats(0, 1), min_size=len(x), max_size=len(x)))))


calibrators = st.one_of(st.none(), st.builds(Sigmoid, finite, finite), isotonic())
rules = st.builds(
    Learned,
    st.just(NAMES),
    row,
    st.lists(st.floats(1e-6, 1e6), min_size=D, max_size=D).map(tuple),
    row,
    finite,
    calibrators,
)


def rule(**changed):
    """A rule that adds up the features as they are."""
    whole = {"mean": (0.0,) * D, "scale": (1.0,) * D, "coefficients": (1.0,) * D, "intercept": 0.0}
    return Learned(**{"features": NAMES, **whole, **changed})


def drafts(n):
    """Random drafts with five alternatives at each place."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(n):
        size = (int(rng.integers(1, 60)), 5)
        tops = np.sort(np.log(rng.dirichlet(np.ones(8), size[0])[:, :5]))[:, ::-1]
        made.append(
            Evidence(tops[:, 0].tolist(), tops.tolist(), int(rng.integers(500)), bool(rng.integers(2)))
        )
    return made


def _standard(values):
    return (values - values.mean()) / values.std()


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_it_says_what_scikit_learn_says(method):
    """Score and probability equal those of the pipeline whose numbers it holds, to 1e-9."""
    some = drafts(900)
    table = np.array([features(draft) for draft in some])
    right = np.random.default_rng(1).random(900) < 1 / (1 + np.exp(-4 * _standard(table[:, 6])))
    pipe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    pipe.fit(table[:400], right[:400])
    sure = CalibratedClassifierCV(FrozenEstimator(pipe), method=method).fit(table[400:800], right[400:800])
    made = sure.calibrated_classifiers_[0].calibrators[0]
    learned = Learned(
        NAMES,
        tuple(pipe[0].mean_.tolist()),
        tuple(pipe[0].scale_.tolist()),
        tuple(pipe[1].coef_[0].tolist()),
        float(pipe[1].intercept_[0]),
        Sigmoid(float(made.a_), float(made.b_))
        if method == "sigmoid"
        else Isotonic(tuple(made.X_thresholds_.tolist()), tuple(made.y_thresholds_.tolist())),
    )

    scores = [learned.score(draft) for draft in some]

    assert pytest.approx(pipe.decision_function(table), abs=1e-9) == scores
    said = [learned.probability(score) for score in scores]
    assert pytest.approx(sure.predict_proba(table)[:, 1], abs=1e-9) == said
    assert max(said[800:]) - min(said[800:]) > 0.5


@examples
@given(rules)
def test_a_file_gives_back_the_rule(learned):
    """JSON keeps every number to the last bit."""
    assert learned == msgspec.json.decode(msgspec.json.encode(learned), type=Learned)


@examples
@given(isotonic(), st.lists(st.floats(-2e6, 2e6), min_size=2))
def test_an_isotonic_map_rises_and_stays_between_its_ends(line, scores):
    """A higher score never has a lower probability; beyond the knots it is level."""
    said = [line.at(score) for score in sorted(scores)]

    assert sorted(said) == pytest.approx(said, abs=1e-12)
    assert all(line.y[0] <= value <= line.y[-1] for value in said)
    assert (line.y[0], line.y[-1]) == (line.at(-math.inf), line.at(math.inf))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"features": ("mood", *NAMES[1:])}, "apart: logprob_q0, mood"),
        ({"features": NAMES[::-1]}, "apart: their order"),
        ({"features": NAMES[:-1]}, f"other features than the {D}"),
        ({"mean": (0.0,)}, "but 1 means"),
        ({"scale": (1.0,) * (D + 1)}, f"{D + 1} scales"),
        ({"coefficients": ()}, "0 coefficients"),
        ({"mean": (math.nan,) * D}, f"{D} numbers that are not finite"),
        ({"intercept": math.inf}, "1 numbers that are not finite"),
        ({"scale": (0.0,) * D}, "scale 0"),
    ],
)
def test_a_rule_that_cannot_be_applied_is_refused(changed, says):
    """Other features, other lengths, numbers that are none: a sentence, not a wrong score."""
    with pytest.raises(ConfigError, match=says):
        rule(**changed)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Isotonic((), ()), "0 x and 0 y"),
        (lambda: Isotonic((0.0, 1.0), (0.5,)), "2 x and 1 y"),
        (lambda: Isotonic((1.0, 0.0), (0.1, 0.5)), "does not rise"),
        (lambda: Isotonic((0.0, 1.0), (0.5, 0.1)), "does not rise"),
        (lambda: Isotonic((0.0,), (1.5,)), "does not rise within 0 to 1"),
        (lambda: Isotonic((0.0,), (math.nan,)), "not finite"),
        (lambda: Sigmoid(math.inf, 0.0), "not finite"),
    ],
)
def test_a_map_that_is_none_is_refused(make, says):
    """Knots that fall, leave [0, 1] or are missing."""
    with pytest.raises(ConfigError, match=says):
        make()


def test_a_file_with_other_features_is_refused_by_name():
    """Reading does not turn the sentence into an error of the decoder."""
    data = msgspec.json.encode(rule()).replace(b"logprob_q05", b"logprob_q07")

    with pytest.raises(ConfigError, match="logprob_q05, logprob_q07"):
        msgspec.json.decode(data, type=Learned)


def test_no_evidence_is_no_score():
    """Too few alternatives at one place, or a sum beyond all numbers: nobody can say."""
    assert rule().score(Evidence([-0.1], [()])) is None
    assert rule(coefficients=(1e308,) * D).score(Evidence([-9.0], [(-0.1, -3.0, -4.0, -5.0)])) is None


def test_without_a_map_there_is_a_score_and_no_probability():
    """A number on the scale of log odds is not passed off as a probability."""
    draft = Evidence([-0.1], [(-0.1, -3.0, -4.0, -5.0)])

    assert pytest.approx(sum(features(draft))) == rule().score(draft)
    assert rule().probability(0.3) is None


def test_it_stands_where_a_signal_stands():
    """The cascade asks it as it asks any signal, and asks the engine for the alternatives it needs."""
    draft = drafts(1)[0]
    signal = rule().signal()

    assert ("learned", rule().score(draft)) == (signal.name, signal.score(draft))
    assert rule().score(Evidence(draft.logprobs, [top[: signal.tops] for top in draft.tops])) is not None


def test_log_odds_far_out_do_not_overflow():
    """A rule sure beyond all doubt says 0 or 1."""
    assert [0.0, 0.5, 1.0] == [logistic(score) for score in (-1e9, 0.0, 1e9)]
