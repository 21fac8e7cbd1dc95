"""A Word document becomes blocks as it reads with all changes accepted."""

import dataclasses
import io
import zipfile

import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.parse import parse

from .made import LIMITS, shown, word


def _policy(document):
    document.core_properties.title = "Leave"
    document.add_heading("Leave", 1)
    document.add_paragraph("You get 13 days.")
    document.add_heading("Kinds", 2)
    document.add_paragraph("Annual", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(
        [c for row in table.rows for c in row.cells], ["Years", "Days", "0-3", "13"], strict=True
    ):
        cell.text = text
    struck = document.add_paragraph("Now ").add_run("never ")
    struck.font.strike = True
    document.paragraphs[-1].add_run("always.")


def test_blocks_in_order():
    """Headings, items and tables as they come; struck text is left out."""
    document = parse("a.docx", word(_policy), LIMITS)

    expected = [
        ("heading", "Leave"),
        ("paragraph", "You get 13 days."),
        ("heading", "Kinds"),
        ("item", "- Annual"),
        ("row", "Years | Days"),
        ("row", "0-3 | 13"),
        ("paragraph", "Now always."),
    ]
    assert expected == shown(document)
    assert "Leave" == document.title
    assert ("Leave", "Kinds") == document.blocks[-1].headings


def test_tracked_changes_and_content_controls():
    """Insertions count and deletions do not; what stands in a content control is read."""

    def build(document):
        document.add_paragraph("x")
        document.element.body.insert(
            0,
            parse_xml(
                f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>You get </w:t></w:r>"
                "<w:del><w:r><w:delText>10</w:delText><w:t>10</w:t></w:r></w:del>"
                "<w:ins><w:r><w:t>13</w:t></w:r></w:ins><w:r><w:t> days.</w:t></w:r></w:p>"
                "</w:sdtContent></w:sdt>"
            ),
        )

    assert "You get 13 days." == parse("a.docx", word(build), LIMITS).blocks[0].text


def _zip(size, name="word/document.xml"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: _zip(5_000_000), "to 5,000,000 bytes, 1,000,000 may be"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "encrypted, or an old .doc"),
        (lambda: b"words", "not a ZIP archive"),
        (lambda: _zip(10), "broken"),
        (lambda: word(lambda document: document), "no text"),
    ],
)
def test_what_cannot_be_read(make, why):
    """Bombs, seen before they are unpacked; encrypted, broken and empty ones: each by its reason."""
    with pytest.raises(Unreadable, match=why):
        parse("a.docx", make(), dataclasses.replace(LIMITS, unpacked_bytes=1_000_000))
