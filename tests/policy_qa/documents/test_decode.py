"""Bytes become text, and what nobody sees goes."""

import pytest

from gpu_cascade.policy_qa.documents.decode import decode, tidy
from gpu_cascade.policy_qa.documents.document import Unreadable


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_without_a_word(encoding):
    """UTF-8 needs no mark, the others have one."""
    assert ("Überstunden – 5 €", None) == decode("Überstunden – 5 €".encode(encoding))


def test_another_encoding_is_guessed_and_said():
    """What is no UTF-8 is read as Windows-1252, and the operator hears where it was seen."""
    text, note = decode("Für Überstunden".encode("cp1252"))

    assert "Für Überstunden" == text
    assert "byte 2" in note


def test_a_page_says_its_own_encoding():
    """A declared encoding is used; one that does not exist is as good as none."""
    assert ("Kč", None) == decode("Kč".encode("iso-8859-2"), "iso-8859-2")
    assert "ü" == decode("ü".encode("cp1252"), "no-such")[0]


def test_what_is_no_text_is_refused():
    """A NUL stands in no text."""
    with pytest.raises(Unreadable, match="NUL stands at character 3"):
        decode(b"ab\0c")


def test_line_ends_are_line_feeds():
    """Windows and old Mac files have the same lines."""
    assert "a\nb\nc" == decode(b"a\r\nb\rc")[0]


def test_what_nobody_sees_goes():
    """Soft hyphens, zero-width and direction marks, tag characters and lone surrogates are no text."""
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")

    assert "Arbeit zeit" == tidy(f"  Ar\xadbe\u200bit\xa0 \u202ezeit{hidden}\ud800 ")


def test_text_is_tidied():
    """One blank between words, no empty lines, letters composed."""
    assert "a b\nü" == tidy(" a\t b \n \n u\u0308 ")
