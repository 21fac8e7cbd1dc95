"""The sentences promise no more than the numbers show."""

from dataclasses import replace

import pytest

from gpu_cascade.evaluate.analysis import analyse
from gpu_cascade.evaluate.results import Estimate, Matched, Policy
from gpu_cascade.evaluate.verdict import silences, verdict
from tests.evaluate.made import answer, row, rows


@pytest.fixture(scope="module")
def pair():
    """A pair whose break-even lies at 80 %."""
    made = [row(f"q{place}", small=answer(0), large=answer(1, engine_s=5.0)) for place in range(20)]
    return analyse(made, ("small", "large"), signal="min_logprob", resamples=2).pairs[0]


def policy(name, lost, saved, seconds=1.0):
    """A policy that lost and saved so much, give or take 1 %."""
    whole = Estimate(saved, (saved - 0.01, saved + 0.01))
    return Policy(
        name,
        Estimate(0.5),
        Estimate(lost, (lost - 0.01, lost + 0.01)),
        Estimate(0.5),
        Estimate(seconds),
        whole,
    )


def matched(name, saved, low):
    return Matched(name, Estimate(0.6, (0.5, 0.7)), Estimate(1.0), Estimate(saved, (low, saved + 0.1)))


def said(pair, *found, small=0.2, router=None, seconds=5.0):
    """The verdict on cascades given as (name, saved on the curve, its lower end, lost and saved held out)."""
    policies = [policy("always_small", small, 0.8, seconds), policy("always_large", 0.0, 0.0, seconds)]
    policies += [policy(name, lost, held) for name, _, _, lost, held in found]
    policies += [policy("router", *router)] if router else []
    curves = [matched(name, saved, low) for name, saved, low, _, _ in found]
    return verdict(("small", "large"), policies, curves, pair, 0.02)


def test_nobody_can_say_without_engine_seconds(pair):
    """No cost, no claim."""
    assert ("Without engine-seconds nobody can say whether a cascade pays.",) == said(
        pair, ("min_logprob", 0.3, 0.2, 0.01, 0.3), seconds=None
    )


def test_a_small_model_that_is_good_enough_needs_no_cascade(pair):
    """Where its whole interval lies within the allowed loss the last tier is not needed."""
    (found,) = said(pair, ("min_logprob", 0.3, 0.2, 0.01, 0.3), small=0.005)

    assert "small alone loses 0.5 points [-0.5, 1.5], of 2.0 points against large that are allowed" in found
    assert found.endswith(": large is not needed.")


def test_a_small_model_that_may_be_good_enough_is_not_called_so(pair):
    """Where the interval reaches beyond the allowed loss the cascades are still compared."""
    first, *rest = said(pair, ("min_logprob", 0.3, 0.2, 0.01, 0.3), small=0.015)

    assert first.endswith("large may not be needed, but these rows are too few to show it.")
    assert 2 == len(rest)


def test_the_honest_sentence_where_none_pays(pair):
    """The best curve costs more than the last tier alone: that is said first, with the break-even."""
    (found,) = said(pair, ("min_logprob", -0.2, -0.3, 0.01, -0.1), ("chow_sum", -0.1, -0.2, 0.01, -0.1))

    assert found.startswith(
        "No cascade pays on these rows: to lose at most 2.0 points against large, the cheapest "
    )
    assert (
        "(chow_sum) escalates 60.0 % [50.0, 70.0] and takes 10.0 % more engine time than asking large at"
        in found
    )
    assert found.endswith("From 80.0 % escalated on, drafting costs more than it saves.")


def test_a_draft_as_dear_as_an_answer_never_pays(pair):
    """Without a break-even above 0 that is the reason given."""
    (found,) = said(replace(pair, break_even=-0.1), ("min_logprob", -1.1, -1.2, 0.01, -1.1))

    assert found.endswith("A draft of small costs as much as an answer of large.")


def test_a_saving_within_chance_is_not_claimed(pair):
    """An interval that holds 0 shows nothing; one above it does."""
    unsure, _ = said(pair, ("min_logprob", 0.1, -0.05, 0.01, 0.1))
    sure, _ = said(pair, ("min_logprob", 0.1, 0.05, 0.01, 0.1))

    assert unsure.endswith("; that it saves anything is not shown, for the interval holds 0.")
    assert sure.endswith("escalates 60.0 % [50.0, 70.0] and saves 10.0 % [5.0, 20.0] of the engine time.")


def test_a_threshold_that_misses_its_target_says_so(pair):
    """Held out the loss may be larger than allowed."""
    _, kept = said(pair, ("min_logprob", 0.1, 0.05, 0.01, 0.1))
    _, missed = said(pair, ("min_logprob", 0.1, 0.05, 0.03, 0.1))

    assert kept.endswith("loses 1.0 points [0.0, 2.0] and saves 10.0 % [9.0, 11.0].")
    assert "misses the target" in missed


def test_another_signal_that_pays_is_named_with_care(pair):
    """The best of several on the same rows has to be confirmed on others."""
    first, held_out = said(pair, ("min_logprob", -0.1, -0.2, 0.01, -0.1), ("p_true", 0.3, 0.2, 0.01, 0.25))

    assert (
        "the cascade on min_logprob takes 10.0 % more engine time than no cascade: it does not pay" in first
    )
    assert first.endswith("it is the best of several on these very rows: confirm it on others.")
    assert "the cascade on p_true loses" in held_out


@pytest.mark.parametrize(("saved", "word"), [(0.5, "more"), (0.05, "less")])
def test_a_router_is_the_baseline_to_beat(pair, saved, word):
    """It drafts nothing, and the verdict says whether it saves more than the cascade."""
    found = said(pair, ("min_logprob", 0.2, 0.1, 0.01, 0.2), router=(0.01, saved))

    assert f"{word} than that cascade." == " ".join(found[-1].split()[-4:])
    assert found[-1].startswith("The router, asked before any draft, loses 1.0 points")


def test_silent_drafts_are_counted(pair):
    """How many drafts say nothing, for each tier that has such."""
    silent = replace(pair, rankings=tuple(replace(one, silent=0.25) for one in pair.rankings))

    assert () == silences([pair], "min_logprob")
    (found,) = silences([pair, silent], "min_logprob")
    assert found.startswith("25.0 % of the drafts of small were empty, cut off")


def test_it_says_no_cascade_pays_of_rows_where_none_does():
    """A small model that is seldom right and says nothing about it, nearly as dear as the large one."""
    made = rows(300, right=(0.2, 0.9), costs=(4.0, 5.0))
    flat = [
        row(f"q{n}", small=answer(r.tiers["small"].score, engine_s=4.0), large=r.tiers["large"])
        for n, r in enumerate(made)
    ]

    analysis = analyse(flat, ("small", "large"), signal="min_logprob", resamples=50)

    assert analysis.verdict[0].startswith("No cascade pays on these rows")
