"""Rankings become one by reciprocal ranks."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.find.fuse import fuse

RANKINGS = st.lists(st.lists(st.integers(1, 9), unique=True), max_size=3)


def test_two_rankings():
    """Second in both is better than first in one; equal ones come as in the first ranking."""
    assert [2, 1, 3] == fuse([[1, 2], [3, 2]])
    assert [2, 1] == fuse([[2, 1], [1, 2]])


def test_none_and_one():
    """Nothing gives nothing, and one ranking is itself."""
    assert [] == fuse([]) == fuse([[], []])
    assert [5, 3, 4] == fuse([[5, 3, 4]]) == fuse([[], [5, 3, 4]])


@given(RANKINGS)
def test_the_formula(rankings):
    """Each passage once, in the order of its exact sum."""

    def exact(passage):
        ranks = [ranking.index(passage) + 1 for ranking in rankings if passage in ranking]
        return sum((Fraction(1, 60 + rank) for rank in ranks), Fraction())

    fused = fuse(rankings)

    assert {passage for ranking in rankings for passage in ranking} == set(fused)
    assert len(set(fused)) == len(fused)
    sums = [round(float(exact(passage)), 12) for passage in fused]
    assert sorted(sums, reverse=True) == sums
