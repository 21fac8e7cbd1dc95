"""Plain text becomes paragraphs and items."""

from .made import said, shown


def test_paragraphs_and_items():
    """Blank lines part paragraphs, bullets and numbers begin items, wrapped lines are joined."""
    text = "One line\nand its rest.\n\nLead:\n* first\n  goes on\n2) second\n(a) third\n\nEnd"

    expected = [
        ("paragraph", "One line and its rest."),
        ("paragraph", "Lead:"),
        ("item", "- first goes on"),
        ("item", "2) second"),
        ("item", "(a) third"),
        ("paragraph", "End"),
    ]
    assert expected == shown(said(text, "a.txt"))


def test_words_cut_at_a_line_end():
    """A hyphen at the end of a line goes, unless the document writes that word with it elsewhere."""
    text = "Reim-\nbursement of long-\nterm stays. A long-term stay is a stay. The A-\nTeam."

    assert [
        ("paragraph", "Reimbursement of long-term stays. A long-term stay is a stay. The A- Team.")
    ] == shown(said(text, "a.txt"))
