"""A PDF becomes blocks with pages, or a sentence says why not."""

import dataclasses
import io

import pytest
from pypdf import PdfWriter

from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.parse import parse

from .made import LIMITS, pdf, pdf_writer, shown

LONG = "Employees who travel keep every receipt above the limit of the table for six"


def test_headings_and_pages():
    """Larger letters are headings, a short line with a full stop ends a paragraph, pages count from 1."""
    data = pdf(
        [
            (24, "Travel policy"),
            (16, "Receipts"),
            (11, LONG),
            (11, "years."),
            (11, "Taxis count."),
            (11, "- one"),
        ],
        [(16, "Hotels"), (11, LONG)],
    )
    document = parse("a.pdf", data, LIMITS)

    expected = [
        ("heading", "Travel policy"),
        ("heading", "Receipts"),
        ("paragraph", LONG + " years."),
        ("paragraph", "Taxis count."),
        ("item", "- one"),
        ("heading", "Hotels"),
        ("paragraph", LONG),
    ]
    assert expected == shown(document)
    assert [1, 1, 1, 1, 1, 2, 2] == [block.page for block in document.blocks]
    assert ("Travel policy", "Hotels") == document.blocks[-1].headings
    assert "Travel policy" == document.title


def test_headers_and_footers_go():
    """What stands on top and bottom of most pages, but for its number, is no text of the document."""
    pages = [
        [(11, "ACME internal"), (11, f"{LONG} {n} {n * 'x'}"), (11, f"Page {n} of 4")] for n in range(1, 5)
    ]
    blocks = parse("a.pdf", pdf(*pages), LIMITS).blocks

    assert [f"{LONG} {n} {n * 'x'}" for n in range(1, 5)] == [block.text for block in blocks]


def test_copies_of_one_page_stay():
    """Where a header would be all that a page has, it is its text."""
    assert ["copy"] * 4 == [block.text for block in parse("a.pdf", pdf(*[[(11, "copy")]] * 4), LIMITS).blocks]


def test_a_heading_of_two_lines():
    """Lines of one size in a row are one heading."""
    blocks = parse("a.pdf", pdf([(16, "Travel by train and"), (16, "by air"), (11, LONG)]), LIMITS).blocks

    assert ("Travel by train and by air",) == blocks[-1].headings


@pytest.mark.parametrize(("given", "title"), [("Reisen", "Reisen"), ("untitled", "a")])
def test_the_title_of_the_metadata(given, title):
    """The file's own title counts, but for what programs write there."""
    writer = pdf_writer([(11, LONG)])
    writer.add_metadata({"/Title": given})
    file = io.BytesIO()
    writer.write(file)

    assert title == parse("a.pdf", file.getvalue(), LIMITS).title


def test_restricted_but_open():
    """A PDF that only its owner may change, and anybody may read, is read."""
    assert LONG == parse("a.pdf", pdf([(11, LONG)], password=""), LIMITS).blocks[0].text


def _scanned():
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: pdf([(11, LONG)], password="secret"), "encrypted with a password"),
        (_scanned, "its 1 pages hold no text"),
        (lambda: b"%PDF-1.7 and nothing else", "broken"),
        (lambda: b"", "broken"),
        (lambda: pdf(*[[(11, "x")]] * 4), "4 pages, 3 may be"),
    ],
)
def test_what_cannot_be_read(make, why):
    """Encrypted, scanned, broken and endless ones are refused by their reason."""
    with pytest.raises(Unreadable, match=why):
        parse("a.pdf", make(), dataclasses.replace(LIMITS, pages=3))
