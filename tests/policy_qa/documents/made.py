"""Small files of each kind, made in memory."""

import io

import docx
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from gpu_cascade.policy_qa.documents.document import Limits
from gpu_cascade.policy_qa.documents.parse import parse

LIMITS = Limits()


def shown(document):
    """The blocks of a document, short: kind, marker and text."""
    return [(block.kind, block.marker + block.text) for block in document.blocks]


def said(text, name="a.md"):
    """The document that a text is."""
    return parse(name, text.encode(), LIMITS)


def pdf_writer(*pages):
    """A PDF of pages, each of (size in points, text) lines from top to bottom."""
    writer = PdfWriter()
    name = NameObject
    font = DictionaryObject(
        {
            name("/Type"): name("/Font"),
            name("/Subtype"): name("/Type1"),
            name("/BaseFont"): name("/Helvetica"),
        }
    )
    fonts = DictionaryObject({name("/Font"): DictionaryObject({name("/F1"): font})})
    for lines in pages:
        page = writer.add_blank_page(612, 792)
        stream = DecodedStreamObject()
        drawn = [
            f"BT /F1 {size} Tf 72 {740 - 24 * row} Td ({text}) Tj ET"
            for row, (size, text) in enumerate(lines)
        ]
        stream.set_data("\n".join(drawn).encode("latin-1"))
        page[name("/Contents")] = writer._add_object(stream)
        page[name("/Resources")] = fonts
    return writer


def pdf(*pages, password=None):
    """The bytes of such a PDF."""
    writer = pdf_writer(*pages)
    if password is not None:
        writer.encrypt(password, "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def word(build):
    """The bytes of a DOCX that `build` filled."""
    document = docx.Document()
    build(document)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()
