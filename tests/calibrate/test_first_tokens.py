"""Where a draft's first tokens decide: what is certified is what is served."""

import random
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.calibrate import report
from gpu_cascade.calibrate.applied import applied
from gpu_cascade.calibrate.artifact import differences
from gpu_cascade.calibrate.binding import Place, bound
from gpu_cascade.calibrate.collect import recorded
from gpu_cascade.calibrate.columns import Columns, scores
from gpu_cascade.calibrate.rows import Row
from gpu_cascade.calibrate.run import Wanted, calibrate
from gpu_cascade.calibrate.tables import columns, keepable
from gpu_cascade.calibration import wanted
from gpu_cascade.cascade.commit import Committing
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.config import load
from gpu_cascade.config.schema import CascadeConfig, EngineConfig
from gpu_cascade.errors import ConfigError
from gpu_cascade.types import Delta, Final, Request, TopLogprob, weighed

from ..cascade.drafts import draft
from ..coroutines import finished
from .made import answer, rows

TIERS = ("small", "large")
WANTED = Wanted(0.05, 0.9, "min_logprob", first_tokens=3)


@settings(max_examples=100)
@given(
    st.lists(st.none() | st.builds(draft, st.binary(min_size=1, max_size=30)), max_size=8), st.integers(1, 40)
)
def test_columns_are_cut_as_a_draft_is(drafts, first):
    """The columns of the first tokens are those of drafts that have no more."""
    short = [d and replace(d, logprobs=d.logprobs[:first], tops=d.tops[:first]) for d in drafts]

    cut, whole = Columns.of(drafts).cut_to(first), Columns.of(short)

    for name, column in scores(whole).items():
        np.testing.assert_array_equal(scores(cut)[name], column, err_msg=name)


class Says:
    """An engine that writes this, `every` tokens at once."""

    name = "small"

    def __init__(self, final, every):
        self._final, self._every = final, every

    async def stream(self, request):
        for start in range(0, len(self._final.tokens), self._every):
            piece = self._final.tokens[start : start + self._every]
            yield Delta("".join(t.token for t in piece if t.token != "<eos>"), tokens=piece)
        yield self._final


@settings(max_examples=1000)
@given(st.integers(0, 2**63), st.sampled_from(["min_logprob", "chow_average", "margin_q10"]))
def test_the_row_that_certifies_says_what_was_served(seed, signal):
    """For any draft, chunking and number of tokens: kept on the record exactly where it is kept live."""
    dice = random.Random(seed)
    first, every, threshold = dice.randint(1, 6), dice.randint(1, 4), dice.uniform(-1.5, 0.8)
    final = _written(dice)
    row = Row("q", [{"role": "user", "content": "?"}], dice.choice([{}, {"stop": ["§"]}, {"max_tokens": 9}]))
    row = msgspec.structs.replace(row, tiers={"small": recorded(final, row)})
    rule = Rule(threshold, SIGNALS[signal])

    live = finished(Committing(Says(final, every), rule, first).draft(Request(row.messages, row.params)))
    found = keepable([row], "small", scores(columns([row], "small", first))[signal], first)

    assert live.judgement.keep == bool(found[0] >= threshold)


def _written(dice):
    texts = [dice.choice(["a", " b", "", " ", "漢"]) for _ in range(dice.randrange(10))]
    tokens = [_token(text, round(-dice.expovariate(2), 4)) for text in texts]
    reason = dice.choice(["stop", "length"])
    tokens += [_token("<eos>", -0.5)] if reason == "stop" else []
    return Final("".join(texts), reason, "small", tuple(tokens))


def _token(text, number):
    others = [TopLogprob("?", number - 1.0 - place) for place in range(4)]
    return weighed(text, number, [TopLogprob(text, number), *others])


def test_the_threshold_is_that_of_the_first_tokens():
    """Rows whose bad token comes late are certified for another threshold than by all of their tokens."""
    late = [_late(row) for row in rows(1500)]

    of_first = calibrate(late, TIERS, WANTED)
    of_all = calibrate(late, TIERS, replace(WANTED, first_tokens=None))

    assert of_all.certificate.certified
    assert not of_first.certificate.certified
    assert {} == of_first.saved


def _late(row):
    """The least logprob, which tells right from wrong, after three that say nothing."""
    told = [token.logprob for token in row.tiers["small"].tokens]
    small = row.tiers["small"]
    again = answer([-0.01, -0.01, -0.01, *told], small.score, 1.0, small.text)
    return msgspec.structs.replace(row, tiers={**row.tiers, "small": again})


def test_what_it_is_made_for_is_kept_and_applied():
    """The artifact says how many tokens decide, and a report on rows counts by them."""
    made = calibrate(rows(1500), TIERS, WANTED)

    kept = report.artifact(made, rows(1500), cascade="c", sampling={}, bound={}, wanted=WANTED)
    served = applied(rows(1500), TIERS, kept)

    assert (3, False) == (kept.first_tokens, kept.steps[0].early_abort)
    assert made.kept == int(served.kept.sum())


def test_the_learned_rule_is_no_candidate():
    """Two of its numbers are known at a draft's end only."""
    made = calibrate(rows(1500), TIERS, replace(WANTED, signal="auto"))

    assert "learned" not in {entry.name for entry in made.choices["small"].selection.table}


def test_the_learned_rule_is_refused_by_name(tmp_path):
    """Before an engine boots."""
    path = tmp_path / "models.yaml"
    path.write_text(
        "engines: {small: {model: org/small}, large: {model: org/large}}\n"
        "cascades: {c: {tiers: [small, large], threshold: 0, stream: commit, commit_after: 8}}\n"
    )
    config = load(path)

    assert 8 == wanted(config, "c", 0.05, 0.9, "auto", "auto", 0).first_tokens
    with pytest.raises(ConfigError, match="--signal learned does not go with stream: commit"):
        wanted(config, "c", 0.05, 0.9, "learned", "auto", 0)


@pytest.mark.parametrize(
    ("then", "now", "apart"),
    [
        ({}, {"stream": "commit"}, ["commit_after was absent and is 16"]),
        ({"stream": "commit"}, {}, ["commit_after was 16 and is absent"]),
        ({"stream": "commit"}, {"stream": "commit", "commit_after": 8}, ["commit_after was 16 and is 8"]),
        ({}, {"commit_after": 8}, []),
        ({}, {"stream": "race"}, []),
    ],
)
def test_a_calibration_is_bound_to_how_its_drafts_are_shown(then, now, apart):
    """Whole drafts or the first so many tokens: one says nothing about the other, and the part is named."""
    assert apart == differences(_bound(then), _bound(now))


def _bound(more):
    made = CascadeConfig.model_validate({"tiers": list(TIERS), "calibration": "c.json", **more})
    engines = {name: EngineConfig(model=name) for name in TIERS}
    return bound(made, engines, {}, Place("0.32", "cpu"))
