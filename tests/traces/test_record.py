"""A record is the same before and after the store, and plain JSON for whoever asks."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.traces import record_json
from gpu_cascade.traces.record import COLUMNS, from_row, to_row
from gpu_cascade.types import Decision, Judgement, Reason, Use, Verdict

from ..records import record


def test_the_json_has_every_column():
    """The HTTP answer: names as in the store, drafts and engines as objects, nothing that JSON cannot say."""
    kept = record(judged=[Judgement("small", -math.inf, -0.9, Reason.UNSURE, False)])
    plain = record_json(kept)
    assert set(plain) == set(COLUMNS) - {"prompt", "answer"}
    assert plain["confidence"] is None
    assert plain["threshold"] == -0.9
    assert plain["judged"][0]["reason"] == "unsure"
    assert plain["uses"][1]["engine_s"] == 1.9


finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
reasons, verdicts = st.sampled_from(Reason), st.sampled_from(Verdict)
judgements = st.builds(Judgement, st.text(), st.none() | finite, st.none() | finite, reasons, st.booleans())
uses = st.builds(Use, st.text(), counts, counts, finite, finite, st.text())


@given(
    st.builds(Decision, st.text(), verdicts, reasons, st.lists(judgements).map(tuple), st.booleans()),
    st.lists(uses).map(tuple),
    st.text(),
)
def test_any_record_comes_back_as_it_was(decision, uses, caller):
    """To the row of the store and back, whatever the numbers and names."""
    kept = record(uses=uses, caller=caller)
    kept = type(kept)(**{name: getattr(kept, name) for name in kept.__slots__} | {"decision": decision})
    assert from_row(to_row(kept)) == kept
