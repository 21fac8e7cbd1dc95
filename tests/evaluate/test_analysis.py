"""From labelled rows to everything a report says."""

import json
import time

import numpy as np
import pytest

from gpu_cascade.calibrate.family import Outcomes
from gpu_cascade.calibrate.metrics import nauc_df
from gpu_cascade.errors import BadRequest, BadRows
from gpu_cascade.evaluate.analysis import analyse
from gpu_cascade.evaluate.as_json import to_json
from tests.evaluate.made import answer, row, rows

PAIR = ("small", "large")


def analysed(made, tiers=PAIR, **asked):
    return analyse(made, tiers, **{"signal": "min_logprob", "resamples": 40, **asked})


def policies(analysis):
    return {policy.name: policy for policy in analysis.policies}


def ranking(analysis, name, pair=0):
    return next(one for one in analysis.pairs[pair].rankings if one.name == name)


def alike(small, large, count=20, **asked):
    """`count` rows, all alike."""
    return [
        row(f"q{place}", small=answer(small, **asked), large=answer(large, engine_s=5.0))
        for place in range(count)
    ]


def test_the_published_example():
    """The five rows of the reference, four times over, give its areas."""
    five = zip((1, 0, 1, 0, 1), (1, 1, 0, 1, 1), (-0.1, -0.8, -0.4, -0.6, -0.4), strict=True)
    made = [
        row(f"q{place}", small=answer(small, (sure,)), large=answer(large))
        for place, (small, large, sure) in enumerate(list(five) * 4)
    ]

    found = to_json(analysed(made))

    assert 0.84 == pytest.approx(found["auc_df"])
    assert 0.70 == pytest.approx(found["nauc_df"]["min_logprob"])
    assert {"small": 0.6, "large": 0.8, "oracle": 1.0} == pytest.approx(
        {name: value for name, value in found["quality"].items() if name != "cascade"}
    )


def test_the_figures_by_name():
    """The JSON has the agreed keys, is plain JSON without NaN, and says the same as the analysis."""
    analysis = analysed(rows(), judge="large")
    found = to_json(analysis)

    assert {"n", "quality", "auc_df", "nauc_df", "auroc", "ece", "cost", "at_matched_quality"} <= set(found)
    assert {"small", "large", "cascade", "oracle"} == set(found["quality"]) == set(found["cost"]["engine_s"])
    assert {"escalation", "ci"} <= set(found["at_matched_quality"])
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert policies(analysis)["min_logprob"].quality.value == found["quality"]["cascade"]
    assert ranking(analysis, "min_logprob").error_auroc == found["auroc"]
    assert 200 == found["n"]


def test_every_way_to_answer_is_compared():
    """Each tier alone, random, oracle, router, the default, Chow's two, the judge, the learned rule, UCCI."""
    made = rows()
    handed = np.random.default_rng(0).random(200)

    analysis = analysed(
        made, signal="logprob_quantile", judge="large", learned={"small": handed}, router=handed
    )

    assert {
        *("always_small", "always_large", "random", "oracle", "router", "logprob_quantile"),
        *("chow_sum", "chow_average", "p_true", "learned", "ucci"),
    } == set(policies(analysis))
    assert {"p_true", "learned", "router"} < {one.name for one in analysis.pairs[0].rankings}
    assert {"logprob_quantile", "p_true", "learned"} == {one.name for one in analysis.pairs[0].probabilities}


def test_the_judge_is_paid_for_where_it_decides():
    """P(True) costs its engine-seconds on every draft, and moves the break-even."""
    made = [
        row(f"q{place}", small=answer(1, judged={"large": 0.9}), large=answer(1, engine_s=5.0))
        for place in range(20)
    ]

    analysis = analysed(made, judge="large")

    assert 1.1 == pytest.approx(policies(analysis)["p_true"].engine_s.value)
    assert 1.0 == pytest.approx(policies(analysis)["min_logprob"].engine_s.value)
    assert 1 - 1 / 5 == pytest.approx(analysis.pairs[0].break_even)
    assert 1 - 1 / 5 - 0.1 / 5 == pytest.approx(analysis.pairs[0].break_even_judged)


def test_a_judge_that_was_not_always_asked_is_left_out():
    """P(True) of some drafts alone would be compared on other rows than the rest; the report says so."""
    made = [*rows(30), *alike(1, 1)]

    analysis = analysed(made, judge="large")

    assert "p_true" not in policies(analysis)
    assert ("Not every draft carries an opinion of large, so its P(True) is left out.",) == analysis.notes


@pytest.mark.parametrize(
    "draft",
    [
        {"finish": "length"},
        {"text": " \n"},
        {"logprobs": None},
        {"passed": False},
    ],
)
def test_a_draft_that_may_not_stand_never_does(draft):
    """Cut, empty, without evidence or failed by a check: it escalates under every policy, and is counted."""
    made = [*alike(1, 1), row("odd", small=answer(1, **draft), large=answer(1, engine_s=5.0))]

    analysis = analysed(made, target_loss=0.5)

    assert 1 / 21 == pytest.approx(policies(analysis)["min_logprob"].escalation.value)
    assert 1 / 21 == pytest.approx(analysis.matched[0].escalation.value)
    assert 1 / 21 == pytest.approx(ranking(analysis, "min_logprob").silent)
    assert analysis.notes[0].startswith("4.8 % of the drafts of small")


def test_three_tiers_are_named_and_climbed():
    """A chain has a section per drafting tier, and figures under the engines' own names."""
    tiers = ("tiny", "middle", "huge")

    analysis = analysed(rows(tiers=tiers), tiers, judge="huge")
    found = to_json(analysis)

    assert {*tiers, "cascade", "oracle"} == set(found["quality"])
    assert [("tiny", "huge"), ("middle", "huge")] == [(pair.draft, pair.last) for pair in analysis.pairs]
    one_draft = policies(analysis)["always_tiny"].engine_s.value
    assert policies(analysis)["min_logprob"].engine_s.value > one_draft


def test_a_signal_and_its_lead():
    """nAUC-DF is the formula's; the chosen signal is ahead of itself by nothing, and its interval too."""
    made = rows()
    analysis = analysed(made, judge="large")

    small, large = ([r.tiers[tier].score for r in made] for tier in PAIR)
    least = [min(token.logprob for token in r.tiers["small"].tokens) for r in made]
    found = ranking(analysis, "min_logprob")
    assert nauc_df(np.array(small), np.array(large), np.array(least)) == pytest.approx(found.nauc_df.value)
    assert found.nauc_df.ci[0] < found.nauc_df.value < found.nauc_df.ci[1]
    assert (0, (0, 0)) == (found.lead.value, found.lead.ci)
    assert ranking(analysis, "p_true").lead.value > 0


def test_what_serves_stands_beside_the_rest():
    """The certificate's own policy is a row of the table, and is the cascade of the figures by name."""
    settled = Outcomes(np.zeros((200, 1), int), np.full((200, 1), 0.75), np.full((200, 1), 1.5))

    found = to_json(analysed(rows(), served=settled, guarantee="with confidence 0.9 …"))

    assert (0.75, 1.5) == (found["quality"]["cascade"], found["cost"]["engine_s"]["cascade"])
    assert "with confidence 0.9 …" == found["guarantee"]


def test_the_same_seed_finds_the_same():
    """Nothing else is left to chance."""
    assert to_json(analysed(rows())) == to_json(analysed(rows()))
    assert to_json(analysed(rows())) != to_json(analysed(rows(), seed=1))


def test_one_class_only_is_not_defined():
    """All right, or all wrong: nothing to tell apart, and None says so."""
    for score in (0.0, 1.0):
        found = to_json(analysed(alike(score, score)))

        assert {None} == {found["auroc"], found["ece"], *found["nauc_df"].values()}


def test_equal_confidences_sort_like_a_coin():
    """Where all drafts are equally sure, nAUC-DF is 0 and AUROC a half."""
    made = alike(0, 1) + [
        row(f"r{place}", small=answer(1), large=answer(0, engine_s=5.0)) for place in range(20)
    ]

    found = to_json(analysed(made))

    assert 0 == pytest.approx(found["nauc_df"]["min_logprob"], abs=1e-9)
    assert 0.5 == found["auroc"]


def test_without_engine_seconds_there_is_no_cost():
    """One answer without them spoils every mean: None, a sentence, and quality all the same."""
    made = [*rows(60), *alike(1, 1, engine_s=0.0)]

    found = to_json(analysed(made))

    assert {None} == set(found["cost"]["engine_s"].values())
    assert None is found["cost"]["break_even"]
    assert found["at_matched_quality"]["escalation"] is not None
    assert found["notes"] == [
        "Of 80 answers each, 20 of small carry no engine-seconds, so no cost is defined."
    ]
    assert found["verdict"] == ["Without engine-seconds nobody can say whether a cascade pays."]


@pytest.mark.parametrize(
    ("made", "tiers", "sentence"),
    [
        (rows(5), PAIR, "5 rows in 5 groups say nothing"),
        (rows(200, groups=4), PAIR, "200 rows in 4 groups say nothing"),
        (rows(20), ("small", "huge"), "huge has not answered 20 rows"),
        (rows(20), ("small",), "two tiers or more; 1 were named"),
        (alike(None, 1), PAIR, "no score for small"),
        (alike(7, 1), PAIR, "20 scores are not in 0 to 1"),
    ],
)
def test_rows_that_say_nothing_are_refused_in_a_sentence(made, tiers, sentence):
    """Too few rows or groups, a missing tier, no score, an odd one."""
    with pytest.raises(BadRows, match=sentence):
        analysed(made, tiers)


def test_an_unknown_signal_is_refused_with_the_choices():
    """The message names what there is."""
    with pytest.raises(
        BadRequest, match=r"the signal gut_feeling is not known here \(choices: chow_average, "
    ):
        analysed(rows(20), signal="gut_feeling")


def test_a_signal_that_no_draft_has_escalates_everything():
    """Entropy takes ten alternatives; rows with two know nothing of it."""
    analysis = analysed(rows(), signal="entropy_mean")

    assert 1.0 == policies(analysis)["entropy_mean"].escalation.value
    assert 1.0 == ranking(analysis, "entropy_mean").silent
    assert (None, None) == (ranking(analysis, "entropy_mean").auc_df, to_json(analysis)["auroc"])


def test_fractional_scores_are_wrong_below_a_half():
    """F1 of 0.49 is wrong and of 0.5 right; quality is the mean of the scores themselves."""
    made = [*alike(0.49, 1), *[row(f"r{place}", small=answer(0.5), large=answer(0.5)) for place in range(20)]]

    analysis = analysed(made)

    assert (0.5, 0.5) == (analysis.pairs[0].wrong, analysis.pairs[0].benefit)
    assert 0.495 == pytest.approx(analysis.pairs[0].draft_quality)


def test_it_is_fast():
    """A tenth of 100,000 rows takes a tenth of a minute of processor time, with 1,000 resamples."""
    made = rows(10_000)
    begun = time.process_time()

    analysed(made, judge="large", resamples=1000)

    assert time.process_time() - begun < 60 / 10
