"""What is found is read by document, in order, within a budget."""

from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.find.join import join
from gpu_cascade.policy_qa.index.reader import Stored


def passage(path, ordinal, headings=(), text="word"):
    """A passage that counts as its text and headings in words, and one for its title."""
    return Stored(hash((path, ordinal)), path, path, None, None, ordinal, tuple(headings), None, text, ())


def count(text):
    return len(text.split())


def joined(ranked, budget=1000):
    """Of each excerpt its document and ordinals."""
    return [
        (excerpt.passages[0].path, [passage.ordinal for passage in excerpt.passages])
        for excerpt in join(ranked, budget, count)
    ]


def test_neighbours_are_one():
    """In the order of reading, the best document first; what lies apart stays apart."""
    ranked = [passage("b", 5), passage("a", 2), passage("b", 4), passage("b", 9), passage("a", 1)]

    assert [("b", [4, 5]), ("b", [9]), ("a", [1, 2])] == joined(ranked)


def test_headings_part():
    """One heading, or the one right above: joined. Another section: not, though it follows."""
    ranked = [
        passage("a", 0, ["Leave"]),
        passage("a", 1, ["Leave", "Sick"]),
        passage("a", 2, ["Leave", "Sick"]),
        passage("a", 3, ["Leave", "Annual"]),
        passage("a", 4, ["Leave", "Annual", "Carryover"]),
        passage("a", 5, ["Leave"]),
    ]

    assert [("a", [0, 1, 2]), ("a", [3, 4]), ("a", [5])] == joined(ranked)


def test_budget():
    """Title and headings count; what does not fit gives way to what does, whole."""
    ranked = [
        passage("a", 0, ["H"], "one two three"),  # 5
        passage("b", 0, [], "one two three four five six"),  # 7
        passage("c", 0, [], "one two"),  # 3
    ]

    assert [("a", [0]), ("b", [0])] == joined(ranked, 12)
    assert [("a", [0]), ("c", [0])] == joined(ranked, 11)
    assert [] == joined(ranked, 2)


PASSAGES = st.lists(
    st.builds(
        passage, st.sampled_from("ab"), st.integers(0, 8), text=st.integers(1, 4).map(lambda n: "w " * n)
    ),
    unique_by=lambda found: (found.path, found.ordinal),
)


@given(PASSAGES, st.integers(0, 30))
def test_within_the_budget_and_nothing_left_that_fits(ranked, budget):
    """The sum keeps to it, each passage is there once, and no passage was passed over that would have fit."""
    taken = [found for excerpt in join(ranked, budget, count) for found in excerpt.passages]
    costs = {found.id: 1 + count(found.text) for found in ranked}
    left = budget - sum(costs[found.id] for found in taken)

    assert left >= 0
    assert len({found.id for found in taken}) == len(taken)
    assert all(costs[found.id] > left for found in ranked if found not in taken)
