"""Passages keep together what belongs together."""

from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.documents.document import Block
from gpu_cascade.policy_qa.documents.sentences import lines, spans
from gpu_cascade.policy_qa.documents.split import Cut, split

from .made import said


def words(text):
    """As many tokens as words."""
    return len(text.split())


def texts(source, budget):
    """The texts of the passages of a Markdown text."""
    return [passage.text for passage in split(said(source).blocks, Cut(budget, "words", words))]


def test_headings_part_passages():
    """Nothing runs across a heading, however short; each passage carries its headings."""
    blocks = said("a\n\n# One\n\nb\n\n## Two\n\nc\n\nd").blocks
    passages = split(blocks, Cut(100, "words", words))

    assert [((), "a"), (("One",), "b"), (("One", "Two"), "c\n\nd")] == [
        (p.headings, p.text) for p in passages
    ]


def test_pages_part_passages():
    """A passage has one page, so that a citation names the right one."""
    blocks = [Block("paragraph", "a", page=1), Block("paragraph", "b", page=2)]

    assert [1, 2] == [passage.page for passage in split(blocks, Cut(100, "words", words))]


def test_a_list_stays_with_its_lead_in():
    """Where both fit a passage they share one, even if the line before would have had room."""
    assert ["one two three", "You get:\n- a b\n- c d"] == texts(
        "one two three\n\nYou get:\n\n- a b\n- c d", 8
    )


def test_a_long_list_is_cut_between_items():
    """Where it does not fit, the lead-in keeps the first items."""
    assert ["You get:\n- a b", "- c d\n- e f", "- g h"] == texts("You get:\n\n- a b\n- c d\n- e f\n- g h", 6)


def test_a_lead_in_never_ends_a_passage():
    """Though it had room on the passage before, it goes on with the first item."""
    assert ["one two", "You get:\n- a b", "- c d\n- e f"] == texts(
        "one two\n\nYou get:\n\n- a b\n- c d\n- e f", 6
    )


def test_two_headings_of_the_same_words():
    """Each has passages of its own."""
    assert ["a", "b"] == texts("# FAQ\n\na\n\n# FAQ\n\nb", 100)


def test_a_long_paragraph_is_cut_between_sentences():
    """What goes on has no marker of its own."""
    assert ["- One two. Three four.", "Five six."] == texts("- One two. Three four. Five six.", 5)


def test_sentences_are_verbatim():
    """Where sentences stand in a passage is told exactly, markers outside of them."""
    [passage] = split(said("Lead:\n\n1. One two. Three.\n2. Four").blocks, Cut(100, "words", words))

    assert ["Lead:", "One two.", "Three.", "Four"] == [
        passage.text[start:end] for start, end in passage.sentences
    ]


WORD = st.sampled_from(["one", "two.", "Three", "four:", "5", "six!"])
TEXT = st.lists(WORD, min_size=1, max_size=30).map(" ".join)
BLOCK = st.builds(
    Block,
    st.sampled_from(["paragraph", "item", "row", "code", "heading"]),
    TEXT,
    st.sampled_from([(), ("A",), ("A", "B")]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["", "- "]),
)
COUNT = st.sampled_from([words, len, lambda text: len(text) // 4 + 1])


@given(st.lists(BLOCK, max_size=12), st.integers(1, 40), COUNT)
def test_every_sentence_is_in_one_passage(blocks, budget, count):
    """Sentences of all blocks come in order, once each, word for word; one alone may exceed the budget."""
    passages = split(blocks, Cut(budget, "any", count))

    expected = []
    for block in blocks:
        if block.kind != "heading":
            found = spans(block.text) if block.kind in {"paragraph", "item"} else lines(block.text)
            expected += [(block.headings, block.page, block.text[start:end]) for start, end in found]
    assert expected == [
        (p.headings, p.page, p.text[start:end]) for p in passages for start, end in p.sentences
    ]
    assert all(count(p.text) <= budget or len(p.sentences) == 1 for p in passages)
