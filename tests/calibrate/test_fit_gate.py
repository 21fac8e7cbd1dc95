"""When a gate pays, on prompts whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from gpu_cascade.calibrate.fit import out_of_fold
from gpu_cascade.calibrate.fit_gate import Drafted, fit_gate, prompt_table, router
from gpu_cascade.calibrate.metrics import auroc, nauc_df
from gpu_cascade.cascade.gate import PROMPT_FEATURES
from gpu_cascade.types import Request

EASY, HARD = "Which city is it?", "Prove the theorem: 12 + 7 = {x; y}, and 3 * 4 = z^2."


def said(text):
    return [{"role": "user", "content": text}]


def drawn(n=600, *, sharp=1.0, draft_s=0.3, seed=0):
    """Half the prompts are hard: of their drafts one in 50 is kept. `sharp`: how often looks are true."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    looks_hard = np.where(rng.random(n) < sharp, hard, rng.random(n) < 0.5)
    small = (rng.random(n) < np.where(hard, 0.05, 0.9)).astype(float)
    prompts = [said((HARD if looks else EASY) + " x" * int(rng.integers(9))) for looks in looks_hard]
    drafted = Drafted(
        kept=rng.random(n) < np.where(hard, 0.02, 0.9),
        draft_s=np.full(n, draft_s),
        last_s=np.ones(n),
        small=small,
        large=np.maximum(small, rng.random(n) < 0.8),
        groups=np.arange(n),
    )
    return prompts, drafted


def test_a_gate_pays_where_prompts_tell_what_is_hopeless():
    """Half the drafts are escalated anyway and look it: skipping saves their 0.3 of 0.85 s a request."""
    prompts, drafted = drawn()

    found = fit_gate(prompt_table(prompts), drafted, 0)

    assert 0.5 == pytest.approx(found.skipped, abs=0.06)
    assert 0.5 * (0.3 - 0.02) / 0.85 == pytest.approx(found.saved, abs=0.03)
    assert 0 < found.least < found.saved
    assert found.sentence.endswith(": it pays.")
    assert found.gate.hopeless(Request(said(HARD)))
    assert not found.gate.hopeless(Request(said(EASY)))


def test_the_threshold_is_where_a_draft_costs_what_it_saves():
    """c_s / c_l: measured, not searched for."""
    prompts, drafted = drawn(draft_s=0.25)

    assert 0.25 == pytest.approx(fit_gate(prompt_table(prompts), drafted, 0).gate.threshold)


def test_it_saves_on_rows_it_never_saw():
    """What it says of its own rows comes true on others, within the bound."""
    prompts, drafted = drawn(sharp=0.9)
    found = fit_gate(prompt_table(prompts), drafted, 0)
    others, then = drawn(4000, sharp=0.9, seed=9)
    skipped = np.array([found.gate.hopeless(Request(messages)) for messages in others])

    assert found.least <= then.saved(skipped).sum() / then.spent == pytest.approx(found.saved, abs=0.04)


@pytest.mark.parametrize("seed", range(8))
def test_prompts_that_tell_nothing_get_no_gate(seed):
    """Where looks say nothing, half the drafts are kept and no gate is fitted to the noise."""
    prompts, drafted = drawn(400, sharp=0.0, seed=seed)

    found = fit_gate(prompt_table(prompts), drafted, 0)

    assert found.gate is None
    assert "so there is no gate" in found.sentence


def test_a_gate_that_costs_quality_is_left_out():
    """It would send up kept drafts that were better than the last tier's answers."""
    prompts, drafted = drawn()
    better = replace(drafted, small=np.ones(600), large=np.zeros(600))

    found = fit_gate(prompt_table(prompts), better, 0)

    assert found.least > 0 > found.gained
    assert (None, True) == (found.gate, "it costs quality, so there is no gate" in found.sentence)


def test_few_skipped_drafts_are_no_proof():
    """Under 30 nobody knows how often one of them would have been kept."""
    prompts, drafted = drawn(50)

    found = fit_gate(prompt_table(prompts), drafted, 0)

    assert found.least > 0
    assert (None, True) == (found.gate, "drafts skipped are too few to tell" in found.sentence)


def test_a_draft_as_dear_as_the_answer_is_never_written():
    """At c_s >= c_l nothing is gained by drafting first, whatever is kept."""
    prompts, drafted = drawn(draft_s=1.5)

    found = fit_gate(prompt_table(prompts), drafted, 0)

    assert (1.0, 1.0) == (found.gate.threshold, found.skipped)


def test_groups_are_drawn_whole():
    """The same rows in six documents are worth less than in 600."""
    prompts, drafted = drawn(sharp=0.8)
    documents = np.argsort(np.argsort(-drafted.draft_s + drafted.kept)) // 100

    alone = fit_gate(prompt_table(prompts), drafted, 0)
    together = fit_gate(prompt_table(prompts), replace(drafted, groups=documents), 0)

    assert together.saved - together.least > alone.saved - alone.least


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kept": np.ones(600, bool)}, "keeps every draft of 600"),
        ({"kept": np.zeros(600, bool)}, "keeps no draft of 600"),
        ({"groups": np.zeros(600)}, "600 rows in 1 groups"),
        ({"last_s": np.full(600, np.nan)}, "Not all of 600 rows carry engine-seconds"),
        ({"draft_s": np.zeros(600), "last_s": np.zeros(600)}, "carry engine-seconds"),
    ],
)
def test_what_cannot_be_told_is_a_sentence(changed, says):
    """One kind of draft, one group, no costs: no gate, and why."""
    prompts, drafted = drawn()

    found = fit_gate(prompt_table(prompts), replace(drafted, **changed), 0)

    assert (None, None) == (found.gate, found.saved)
    assert says in found.sentence


def test_five_rows_are_a_sentence():
    """Never a crash."""
    prompts, drafted = drawn(5)

    assert "too few" in fit_gate(prompt_table(prompts), drafted, 0).sentence


def test_a_prompt_without_words_is_drafted():
    """It has no features: it is neither fitted nor skipped."""
    prompts, drafted = drawn()
    prompts[:100] = [said(" ")] * 100
    hopeless = replace(drafted, kept=drafted.kept & (np.arange(600) >= 100))

    found = fit_gate(prompt_table(prompts), hopeless, 0)

    assert np.isnan(prompt_table(prompts)[:100]).all()
    assert found.skipped < 0.45


def test_a_table_has_a_row_for_every_prompt():
    """(n, d), in the order of the features."""
    assert (2, len(PROMPT_FEATURES)) == prompt_table([said(EASY), said(HARD)]).shape


def test_worth_sorts_by_what_deferring_gains():
    """Where some questions are hard for both, whether the small one is right is the wrong thing to learn."""
    rng = np.random.default_rng(3)
    prompts = rng.normal(size=(2000, 5))
    hard = prompts[:, 0] > 0  # nobody is right there; elsewhere the second number says who is
    small = (~hard & (rng.random(2000) < 1 / (1 + np.exp(-2 * prompts[:, 1])))).astype(float)
    large = (~hard & (rng.random(2000) < 0.9)).astype(float)

    by_worth = router(prompts, small, large, np.arange(2000), 0)
    by_right = out_of_fold(prompts, small, np.arange(2000), 0)

    assert nauc_df(small, large, by_worth) > nauc_df(small, large, by_right) + 0.1


def test_a_router_sorts_prompts_it_never_saw():
    """Out of fold: close to the truth where prompts tell it, a coin where they do not."""
    prompts, drafted = drawn(sharp=0.9)
    blind, other = drawn(sharp=0.0)

    found = router(prompt_table(prompts), drafted.small, drafted.large, drafted.groups, 0)
    nothing = router(prompt_table(blind), other.small, other.large, other.groups, 0)

    assert auroc(drafted.small < 0.5, found) > 0.85
    assert nauc_df(drafted.small, drafted.large, found) > 0.4
    assert abs(nauc_df(other.small, other.large, nothing)) < 0.15
    assert 0 <= found.min() < found.max() <= 1


def test_a_router_learns_from_embeddings_too():
    """What the features do not say, a vector may; its many useless numbers are held down."""
    prompts, drafted = drawn(1000, sharp=0.0)
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(1000, 384)) / 20
    vectors[:, 0] = drafted.small + 0.3 * rng.normal(size=1000)

    found = router(prompt_table(prompts), drafted.small, drafted.large, drafted.groups, 0, vectors)

    assert nauc_df(drafted.small, drafted.large, found) > 0.4


def test_a_router_of_one_kind_is_none():
    """Both always right, or the last tier alone: nothing to learn."""
    prompts, drafted = drawn(100)

    for score in (np.ones(100), np.zeros(100)):
        assert router(prompt_table(prompts), score, np.ones(100), drafted.groups, 0) is None
