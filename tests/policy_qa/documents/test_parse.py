"""A file is read by the ending of its name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.files import SUFFIXES
from gpu_cascade.policy_qa.documents.parse import parse, read

from .made import LIMITS, said


def test_a_file_is_read(tmp_path):
    """`read` takes a path; endings count in any case."""
    (tmp_path / "A.MD").write_text("# Leave\n\nText")

    assert "Leave" == read(tmp_path / "A.MD", LIMITS).title


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_an_empty_file_is_refused(suffix):
    """No reader makes a document of nothing."""
    with pytest.raises(Unreadable):
        parse(f"a{suffix}", b"", LIMITS)


def test_headings_alone_are_no_document():
    """Where nothing is said there is nothing to quote."""
    with pytest.raises(Unreadable, match="no text under its headings"):
        said("# One\n\n## Two\n")


def test_a_guessed_encoding_is_noted():
    """The note travels with the document, after those of its front matter."""
    document = parse("a.md", "---\neffective: soon\n---\nFür alle".encode("cp1252"), LIMITS)

    assert ["soon", "Windows-1252"] == [
        word for note in document.notes for word in ("soon", "Windows-1252") if word in note
    ]


PIECES = [
    "---\n",
    "groups: [hr]\n",
    "# ",
    "- ",
    "1. ",
    "| a | b |\n|---|---|\n",
    "<div>",
    "</p>",
    "<!--",
    "{%",
    "%}",
    "```\n",
    "\n",
    "x ",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join)


@given(
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(),
    st.sampled_from([".md", ".html", ".txt"]),
)
def test_any_bytes_are_a_document_or_a_sentence(data, suffix):
    """Whatever a text file holds, it is read or refused; what is read has text that can be stored."""
    try:
        document = parse(f"a{suffix}", data, LIMITS)
    except Unreadable:
        return
    assert all(block.text.strip() and block.text.encode() for block in document.blocks)
