"""Ways to answer: what each costs, and that no threshold is measured on the rows that chose it."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from gpu_cascade.evaluate import baselines
from tests.evaluate.made import sheet

PARTS = (np.arange(0, 40), np.arange(40, 80))


def noisy(seed=0, n=80, tiers=2):
    """A sheet on which surer drafts are righter."""
    rng = np.random.default_rng(seed)
    score = (rng.random((n, tiers)) < np.linspace(0.5, 0.9, tiers)).astype(float)
    return sheet(score, score[:, :-1] + rng.normal(size=(n, tiers - 1)))


def naive(made, asked_s=None):
    return baselines.naive(made, "only", lambda _: made.sure["only"], PARTS, 0.05, asked_s=asked_s)


def test_a_half_is_measured_with_the_other_halfs_threshold():
    """Changing what happened on one half changes that half's numbers, and only the other half's threshold."""
    made = noisy()
    before = naive(made)
    made.score[PARTS[0], 0] = 0.0

    after = naive(made)

    assert before.thresholds[0] == after.thresholds[0]
    assert before.thresholds[1] != after.thresholds[1]


def test_the_threshold_is_the_cheapest_that_reaches_the_target():
    """Searching every threshold row by row finds the same one."""
    made = noisy(1)

    found = naive(made)

    for (fit, held), theta in zip((PARTS, PARTS[::-1]), found.thresholds[::-1], strict=True):
        target = made.score[fit, 1].mean() - 0.05
        tried = {}
        for threshold in [*made.sure["only"][fit, 0], np.inf]:
            rows = baselines.kept_from(made, made.sure["only"], threshold)[fit]
            if rows[:, 1].mean() >= target - 1e-9:
                tried[threshold] = rows[:, 2].mean()
        assert min(tried, key=tried.get) == theta
        expected = baselines.kept_from(made, made.sure["only"], theta)[held]
        assert expected.tolist() == found.rows[held].tolist()


def test_every_draft_is_paid_for():
    """A cascade pays small, judge and large where it escalates; a router only for the tier that it picked."""
    score = np.tile([[1.0, 1.0]], (80, 1))
    made = sheet(
        score, np.where(np.arange(80) % 2, 1.0, -1.0)[:, None], seconds=np.tile([1.0, 10.0], (80, 1))
    )
    asked = np.full((80, 1), 0.5)

    kept = baselines.kept_from(made, made.sure["only"], 0.0, asked)
    routed = baselines.router(made, made.sure["only"][:, 0], PARTS, 0.0)

    assert {1.5, 11.5} == set(kept[:, 2])
    assert [0.0, 1.0] == sorted(set(kept[:, 0]))
    assert {1.0} == set(routed.rows[:, 2])
    made.score[::2, 0] = 0.0  # now only the odd rows may go to the small tier
    routed = baselines.router(made, made.sure["only"][:, 0], PARTS, 0.0)
    assert {1.0, 10.0} == set(routed.rows[:, 2])


def test_the_three_tier_cascade_climbs_in_order():
    """Each tier is asked only when the one before was not sure enough, and paid for in turn."""
    made = sheet([[0.1, 0.2, 0.3]] * 3, [[0.9, 0.9], [0.1, 0.9], [0.1, 0.1]])

    kept = baselines.kept_from(made, made.sure["only"], 0.5)

    assert [[0, 0.1, 1], [0, 0.2, 11], [1, 0.3, 111]] == kept.tolist()


@pytest.mark.parametrize("theta", [-np.inf, -1e9, 0.5])
def test_no_evidence_is_never_kept(theta):
    """Whatever the threshold, a draft that says nothing about itself escalates."""
    made = sheet([[1.0, 0.0]] * 2, [[np.nan], [0.9]])

    kept = baselines.kept_from(made, made.sure["only"], theta)

    assert [1.0, 0.0] == kept[:, 0].tolist()


def test_all_silent_drafts_escalate():
    """Where no draft has evidence no threshold keeps one, in UCCI's rule either."""
    made = sheet([[1.0, 1.0]] * 80, [[np.nan]] * 80)

    assert {1.0} == set(baselines.ucci(made, PARTS, 0.5).rows[:, 0])
    assert {1.0} == set(naive(made).rows[:, 0])
    assert (np.inf, np.inf) == naive(made).thresholds


def test_random_meets_the_target_on_average_and_pays_one_answer():
    """The coin's share is where the line from small to large reaches the target; no draft is paid for."""
    made = noisy(2)
    parts = (np.arange(80), np.arange(80))

    found = baselines.random(made, parts, 0.05)

    small, large = made.score.mean(axis=0)
    share = found.thresholds[0]
    assert large - 0.05 == pytest.approx(small + share * (large - small))
    assert [share, large - 0.05, 1 + 9 * share] == pytest.approx(found.rows.mean(axis=0).tolist())


def test_the_oracle_takes_the_first_of_the_best():
    """It climbs only where a later tier does better, and pays for the climb."""
    made = sheet([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]], [[0.0, 0.0]] * 4)

    assert [[0, 1, 1], [0, 1, 11], [1, 0.5, 111], [0, 0, 1]] == baselines.oracle(made).rows.tolist()


def test_uccis_rule_is_isotonic_on_one_half_and_kept_on_the_other():
    """As UCCI writes it: u = 1 - margin, isotonic to the error, keep iff g(u) <= theta, theta on a grid."""
    made = noisy(3)

    found = baselines.ucci(made, PARTS, 0.05)

    margin, wrong = made.sure["margin_mean"][:, 0], made.score[:, 0] < 0.5
    for fit, held in (PARTS, PARTS[::-1]):
        error = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        p = error.fit(1 - margin[fit], wrong[fit]).predict(1 - margin)
        plans = []
        for theta in np.linspace(0, 1, 201):
            keep = p[fit] <= theta
            quality = np.where(keep, made.score[fit, 0], made.score[fit, 1]).mean()
            if quality >= made.score[fit, 1].mean() - 0.05 - 1e-9:
                plans.append((1 + 10 * (~keep).mean(), -quality, -theta))
        keep = p[held] <= -min(plans)[2]
        assert (
            np.where(keep, made.score[held, 0], made.score[held, 1]).tolist() == found.rows[held, 1].tolist()
        )


def test_what_serves_is_measured_as_it_is():
    """A policy settled elsewhere is neither split nor searched; without engine-seconds it has no cost."""
    made = noisy(4, n=3)
    settled = baselines.Outcomes(np.array([[1], [0], [1]]), np.ones((3, 1)), np.full((3, 1), 2.0))

    assert [[1, 1, 2], [0, 1, 2], [1, 1, 2]] == baselines.served(made, settled).rows.tolist()
    made.seconds[:] = np.nan
    assert np.isnan(baselines.served(made, settled).rows[:, 2]).all()
