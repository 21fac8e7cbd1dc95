"""BM25 counts what a caller may see, and nothing else."""

import math
from array import array

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.index.bm25 import Postings, Row, best


def postings(texts):
    """Each text a passage of its own document; the words are numbers."""
    rows = []
    for place, counts in enumerate(texts):
        keys = array("Q", counts)
        rows.append(Row(place + 1, place + 1, keys.tobytes(), array("H", counts.values()).tobytes()))
    return Postings(rows)


def test_the_formula():
    """The score is the textbook's, worked out by hand."""
    scores = postings([{7: 2, 8: 2}, {8: 1, 9: 1}]).scores([7, 8], np.array([True, True]))

    norm = 1.2 * (0.25 + 0.75 * 4 / 3)
    seven = math.log(1 + 1.5 / 1.5) * 2 * 2.2 / (2 + norm)
    eight = math.log(1 + 0.5 / 2.5) * 2 * 2.2 / (2 + norm)
    assert math.isclose(seven + eight, scores[0])


def test_nothing_to_see():
    """No passage, none to be seen, or no known word: no score, no error."""
    empty = postings([])

    assert [] == empty.scores([7], np.array([], dtype=bool)).tolist()
    assert [0.0] == postings([{7: 1}]).scores([7], np.array([False])).tolist()
    assert [0.0] == postings([{7: 1}]).scores([8, 2**64 - 1], np.array([True])).tolist()


TEXT = st.dictionaries(st.integers(1, 6), st.integers(1, 5), max_size=6)


@given(st.lists(st.tuples(TEXT, st.booleans()), max_size=12), st.lists(st.integers(0, 7), unique=True))
def test_hidden_passages_change_nothing(texts, query):
    """The scores of what is seen are bit for bit those of an index without the rest, which scores 0."""
    seen = np.array([shown for _, shown in texts], dtype=bool)
    scores = postings([text for text, _ in texts]).scores(query, seen)
    alone = postings([text for text, shown in texts if shown])

    assert alone.scores(query, np.ones(len(alone.lengths), dtype=bool)).tolist() == scores[seen].tolist()
    assert not scores[~seen].any()


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), max_size=20), st.integers(0, 8))
def test_best_is_a_stable_sort(scores, limit):
    """The highest first, equal ones in their order, none without a score."""
    order = sorted((place for place, score in enumerate(scores) if score), key=lambda place: -scores[place])

    assert order[:limit] == best(np.array(scores), limit)
