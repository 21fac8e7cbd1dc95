"""From rows to a promise: what is certified, what is not, and what is said then."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from gpu_cascade.calibrate import report
from gpu_cascade.calibrate.certificate import Kind
from gpu_cascade.calibrate.run import Wanted, calibrate
from gpu_cascade.errors import BadRows

from .made import answer, rows

TIERS = ("small", "large")
WANTED = Wanted(0.05, 0.9, "logprob_quantile")


def test_a_sharp_signal_is_certified_and_pays():
    """Most drafts stay, the loss seen is within the target, and it is cheaper than the large model alone."""
    made = calibrate(rows(1500), TIERS, WANTED)

    assert made.certificate.certified
    assert made.certificate.observed_loss <= 0.05
    assert 1350 == pytest.approx(made.certificate.rows, abs=1)
    assert made.certificate.escalation < 0.7
    assert made.cost_s["cascade"] < made.cost_s["large"]
    told = report.lines(made)
    assert told[0].startswith("With 90 % confidence at most 5 points worse than always-large; n=1,350")
    assert any("engine-seconds per request against 6.00 of large alone" in line for line in told)


def test_the_promise_holds_on_new_rows():
    """Of 40 calibrations few lose more than the target on fresh rows of the same kind: at most one in ten."""
    fresh = rows(20_000, seed=999)
    from gpu_cascade.cascade.signals import logprob_quantile

    signal = np.array([logprob_quantile([t.logprob for t in row.tiers["small"].tokens]) for row in fresh])
    gain = np.array([row.tiers["large"].score - row.tiers["small"].score for row in fresh])
    broken = 0
    for seed in range(40):
        threshold = calibrate(rows(600, seed=seed), TIERS, WANTED).thresholds["small"]
        kept = signal >= (np.inf if threshold is None else threshold)
        broken += bool((kept * gain).mean() > 0.05)

    assert broken <= 4 + 2 * np.sqrt(40 * 0.1 * 0.9)


def test_what_cannot_be_certified_says_what_would_do():
    """A blunt signal and few rows: everything escalates, and the advice has numbers."""
    made = calibrate(rows(200, sharp=0.0, small=0.3), TIERS, replace(WANTED, target_loss=0.01))

    assert not made.certificate.certified
    assert {"small": None} == dict(made.thresholds)
    assert made.advice.loss is None or made.advice.loss > 0.01
    told = " ".join(report.lines(made))
    assert "Not certifiable: 180 rows" in told
    assert "everything escalates, and no draft is written" in told


def test_cut_empty_and_failed_drafts_are_never_kept():
    """However sure their tokens are: the table that certifies says what the live rule does."""
    made = rows(300)
    spoilt = [
        msgspec.structs.replace(row, tiers={**row.tiers, "small": answer([-0.001], 1.0, **odd)})
        for row, odd in zip(made, [{"finish": "length"}, {"text": " "}, {"passed": False}] * 100, strict=True)
    ]

    assert not calibrate(spoilt, TIERS, WANTED).certificate.certified


def test_documents_that_repeat_are_not_counted_as_independent():
    """With 20 documents the same rows promise less than alone, and the bootstrap stands beside the test."""
    made = calibrate(rows(1500, groups=20), TIERS, WANTED)

    assert made.certificate.groups < 20
    assert not made.certificate.certified or made.certificate.cluster_upper is not None


def test_labels_of_the_draft_alone_certify_its_errors():
    """Without the large model's answers: how often kept drafts are wrong."""
    alone = [msgspec.structs.replace(row, tiers={"small": row.tiers["small"]}) for row in rows(2000, sharp=3)]

    made = calibrate(alone, TIERS, replace(WANTED, target_loss=0.3))

    assert Kind.KEPT_ERROR is made.certificate.kind
    assert made.certificate.certified
    assert "at most 30 % of kept answers are wrong" in report.lines(made)[0]
    assert made.disagreement is None


def test_no_labels_certify_agreement():
    """And are worded so: agreement is not being right."""
    made = calibrate(rows(2000, sharp=3, labelled=False), TIERS, replace(WANTED, target_loss=0.35))

    assert Kind.AGREEMENT is made.certificate.kind
    assert "agree with the large model's, right or wrong" in report.lines(made)[0]


def test_a_second_look_is_used_where_it_pays():
    """A sharp judge that costs a sixtieth of an answer saves escalations; a blind one is left out."""
    wanted = replace(WANTED, judge="large")

    sharp = calibrate(rows(2000, sharp=0.3, judged=0.05), TIERS, wanted)
    blind = calibrate(rows(2000, sharp=3, judged=5.0), TIERS, wanted)
    without = calibrate(rows(2000, sharp=0.3), TIERS, WANTED)

    assert sharp.look is not None
    assert sharp.certificate.escalation < without.certificate.escalation
    assert blind.look is None
    step = report.artifact(sharp, rows(5), cascade="c", sampling={}, bound={}, wanted=wanted).steps[0]
    assert ("large", sharp.look.width) == (step.verify.by, step.verify.width)


def test_auto_takes_the_simplest_that_sorts_as_well():
    """On rows whose least token tells all, no other signal is worth its trouble."""
    made = calibrate(rows(1200), TIERS, replace(WANTED, signal="auto"))

    assert "logprob_quantile" == made.choices["small"].signal
    assert any("cross-validated nAUC-DF" in line for line in report.lines(made))


def test_the_learned_rule_is_fitted_and_certified_on_other_rows():
    """By name: three tenths of the rows certify it."""
    made = calibrate(rows(1200), TIERS, replace(WANTED, signal="learned"))

    assert 360 == pytest.approx(made.certificate.rows, abs=2)
    assert made.choices["small"].learned is not None


def test_early_abort_saves_what_was_not_written():
    """Long unsure drafts are broken off; nothing is saved of the sure ones."""
    made = calibrate(rows(1500), TIERS, WANTED)

    saved = made.saved["small"]
    assert 0 < saved.tokens < saved.of_tokens
    assert 0 <= saved.engine_s <= saved.of_engine_s


def test_three_tiers_are_certified_by_one_walk():
    """One threshold for each drafting tier, one promise for the chain."""
    made = []
    for low, high in zip(rows(1500, seed=1), rows(1500, seed=2, small=0.8), strict=True):
        tiers = {"tiny": low.tiers["small"], "small": high.tiers["small"], "large": high.tiers["large"]}
        made.append(msgspec.structs.replace(low, tiers=tiers))

    found = calibrate(made, ("tiny", "small", "large"), WANTED)

    assert found.certificate.certified
    assert {"tiny", "small"} == found.thresholds.keys()
    assert {"cascade", "tiny", "small", "large"} == found.cost_s.keys()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda made: made[:5], "5 rows certify nothing; label at least 20"),
        (
            lambda made: [msgspec.structs.replace(made[0], gold=None), *made[1:]],
            "gold is missing in 1 rows (q0) of 100",
        ),
        (
            lambda made: [msgspec.structs.replace(made[0], tiers={}), *made[1:]],
            "small has not answered 1 rows (q0)",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_refused(spoil, told):
    """In a sentence that names them."""
    with pytest.raises(BadRows) as refused:
        calibrate(spoil(rows(100)), TIERS, replace(WANTED, kind=None))

    assert told in refused.value.message


def test_one_class_only_is_certified_or_not_but_never_crashes():
    """All right, all wrong, all the same signal."""
    for small, large in ((1.0, 1.0), (0.0, 0.0), (0.0, 1.0)):
        made = calibrate(rows(200, small=small, large=large), TIERS, replace(WANTED, signal="auto"))
        assert made.certificate.certified is (small >= large)


def test_json_has_the_documented_keys():
    """What scripts read of `calibrate --json`."""
    told = report.as_json(calibrate(rows(300), TIERS, WANTED))

    documented = "certified target_loss confidence n observed_loss escalation signal threshold reason"
    assert set(documented.split()) <= told.keys()
    assert msgspec.json.decode(msgspec.json.encode(told))["n"] == told["n"]


def hopeless(count, seed=0):
    """Rows of which those that ask for code are always wrong, and their drafts unsure; the prompt says so."""
    made = []
    for i, easy in enumerate(rows(count, seed=seed, small=0.9)):
        row = easy
        if i % 2:
            prompt = [
                {"role": "user", "content": f"```python\ndef f{i}(x): return x[{i}]\n``` Why does it fail?"}
            ]
            unsure = answer([-4.0, -0.1], 0.0, 3.0, "b")
            row = msgspec.structs.replace(easy, messages=prompt, tiers={**easy.tiers, "small": unsure})
        made.append(row)
    return made


def test_a_gate_that_pays_is_certified_with_it_on():
    """What it skips costs no draft and is never kept; the artifact carries it."""
    wanted = replace(WANTED, gate=True, signal="learned")

    made = calibrate(hopeless(1500), TIERS, wanted)
    without = calibrate(hopeless(1500), TIERS, replace(wanted, gate=False))

    assert made.gate.gate is not None
    assert made.certificate.certified
    assert made.cost_s["cascade"] < without.cost_s["cascade"] - 1.0
    kept = report.artifact(made, hopeless(5), cascade="c", sampling={}, bound={}, wanted=wanted)
    assert kept.gate == made.gate.gate
    assert made.gate.sentence in report.lines(made)


def test_a_gate_that_does_not_pay_is_left_out():
    """Prompts that are all alike tell nothing."""
    made = calibrate(rows(600), TIERS, replace(WANTED, gate=True))

    assert made.gate.gate is None
