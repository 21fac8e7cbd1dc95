"""Bytes to text, and text without what nobody can see."""

import codecs
import re
import unicodedata

from .document import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters but tab and line feed, soft hyphens, zero-width and bidirectional marks, lone surrogates,
# and the tag characters in which text can be hidden that only a model reads.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n[ \n]*")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """The text of `data`, and a note for the operator where the encoding was guessed.

    A byte-order mark decides, then what the file declares of itself, then UTF-8; what is none of these is
    read as Windows-1252. Line ends become line feeds. Raises `Unreadable` for what is no text.
    """
    named = next((name for mark, name in _MARKS if data.startswith(mark)), declared or "utf-8")
    text, note = _decoded(data, named)
    if (place := text.find("\0")) >= 0:
        raise Unreadable(f"it is no text: a NUL stands at character {place + 1}; save it as UTF-8 text")
    return text.replace("\r\n", "\n").replace("\r", "\n"), note


def _decoded(data: bytes, named: str) -> tuple[str, str | None]:
    try:
        return data.decode(named), None
    except (UnicodeDecodeError, LookupError) as error:
        where = f" at byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else ""
        note = f"it is not {named}{where} and was read as Windows-1252; save it as UTF-8 to be sure"
        return data.decode("cp1252", errors="replace"), note


def visible(text: str) -> str:
    """The characters that a reader sees, composed (NFC), with plain line feeds."""
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text))


def tidy(text: str) -> str:
    """Visible text with one blank between words and no empty line."""
    return _BLANK_LINES.sub("\n", _BLANKS.sub(" ", visible(text))).strip()
